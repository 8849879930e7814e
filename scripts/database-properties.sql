-- The statements that give a database what belongs to it as such and is in no dump of its content: connection limit,
-- settings, settings of roles in it, rights, comment. pg_restore brings these only with --create, under the old name.
-- A backup keeps them as database.sql; a restore runs those of the live database on the side database.
-- Variables: name (read from), target (written for), comment (true: its comment too; a restore marks the side database
-- with one of its own until the swap).
SELECT format('ALTER DATABASE %I CONNECTION LIMIT %s;', :'target', datconnlimit)
  FROM pg_database WHERE datname = :'name' AND datconnlimit >= 0;

-- A list such as search_path is stored as quoted names: set here as it is and taken over from the session, because no
-- literal gives the same. Everything else is one literal.
SELECT CASE WHEN setting.key IN ('search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries')
            THEN format('DO %L;', format('BEGIN PERFORM set_config(%L, %L, true); EXECUTE %L; END', setting.key,
                   setting.value, setting.target || format(' SET %I FROM CURRENT', setting.key)))
            ELSE setting.target || format(' SET %s = %L;', name, setting.value) END
  FROM (SELECT CASE WHEN s.setrole = 0 THEN format('ALTER DATABASE %I', :'target')
                    ELSE format('ALTER ROLE %I IN DATABASE %I', pg_get_userbyid(s.setrole), :'target') END AS target,
               split_part(entry, '=', 1) AS key,
               substr(entry, strpos(entry, '=') + 1) AS value,
               (SELECT string_agg(quote_ident(part), '.') FROM unnest(string_to_array(split_part(entry, '=', 1), '.')) AS part)
                 AS name
          FROM pg_db_role_setting s
               JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS entry
         WHERE d.datname = :'name') AS setting;

SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC;', :'target')
  FROM pg_database WHERE datname = :'name' AND datacl IS NOT NULL;
SELECT format('GRANT %s ON DATABASE %I TO %s%s;', a.privilege_type, :'target',
              CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
              CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM pg_database d, aclexplode(d.datacl) AS a
 WHERE d.datname = :'name';

SELECT format('COMMENT ON DATABASE %I IS %L;', :'target', shobj_description(oid, 'pg_database'))
  FROM pg_database
 WHERE :'comment'::boolean AND datname = :'name' AND shobj_description(oid, 'pg_database') IS NOT NULL;
