-- What belongs to a database as such and is in no dump of its content: connection limit, settings, settings of roles in it,
-- rights, comment. pg_restore brings these only with --create, under the old name. A backup keeps them in its manifest
-- (facts.sql includes this file), and a restore sets them from there or from the live database (restore/settings.sql).
-- Variable: name. Leaves its answer in psql's variable `database_properties`:
--   {connectionLimit, settings: [[role or null, name, value]], rights: [[grantee or null, privilege, grantable]] or null,
--    comment}, or nothing where there is no such database.
SELECT coalesce((SELECT jsonb_build_object(
          'connectionLimit', datconnlimit,
          'settings', (SELECT coalesce(jsonb_agg(jsonb_build_array(r.rolname, split_part(entry, '=', 1),
                                                                   substr(entry, strpos(entry, '=') + 1))
                                                 ORDER BY r.rolname NULLS FIRST, place), '[]')
                         FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole,
                              unnest(s.setconfig) WITH ORDINALITY AS c(entry, place)
                        WHERE s.setdatabase = d.oid AND (s.setrole = 0 OR r.oid IS NOT NULL)),
          'rights', CASE WHEN datacl IS NOT NULL THEN
                      -- In their own order, in which pg_dump writes them too.
                      (SELECT coalesce(jsonb_agg(jsonb_build_array(r.rolname, a.privilege_type, a.is_grantable)
                                                 ORDER BY place), '[]')
                         FROM aclexplode(datacl) WITH ORDINALITY AS a(grantor, grantee, privilege_type, is_grantable, place)
                              LEFT JOIN pg_roles r ON r.oid = a.grantee
                        WHERE a.grantee = 0 OR r.oid IS NOT NULL) END,
          'comment', shobj_description(oid, 'pg_database'))::text FROM pg_database d WHERE datname = :'name'), '') AS database_properties
\gset
