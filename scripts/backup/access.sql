-- What this role may not read, one line each: the statement that mends it. pg_dump would stop at the first of most of
-- them, hours later and one at a time; subscriptions and the options of user mappings it would leave out and go on.
-- Only what it really needs: definitions of views, functions and foreign tables everyone may read, it locks none of them,
-- and it reads partitions one by one, so that row security of their table does not matter.
\ir ../facts/objects.sql
WITH :user_objects, readable AS (
  SELECT c.oid, c.relkind, s.oid AS schema, s.nspname, format('%I.%I', s.nspname, c.relname) AS name
    FROM pg_class c JOIN schemas s ON s.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'S')
     AND c.relpersistence <> 't'
     -- Of an extension's own it reads what the extension names as configuration.
     AND (c.oid IN (SELECT oid FROM relations) OR EXISTS (SELECT FROM pg_extension e WHERE c.oid = ANY (e.extconfig)))
), me AS (
  SELECT rolname, rolsuper FROM pg_roles WHERE rolname = current_user
), lacking AS (
  SELECT DISTINCT 1 AS position, format('GRANT USAGE ON SCHEMA %I TO %I', nspname, current_user) AS statement, '' AS reason
    FROM readable WHERE NOT has_schema_privilege(schema, 'USAGE')
  UNION ALL
  SELECT 2, format('GRANT SELECT ON %s %s TO %I', CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, name, current_user),
         ''
    FROM readable
   WHERE CASE relkind WHEN 'S' THEN NOT has_sequence_privilege(oid, 'SELECT')
                      ELSE NOT has_table_privilege(oid, 'SELECT') END
  UNION ALL
  SELECT 3, format('ALTER ROLE %I BYPASSRLS', current_user), 'row-level security of ' || name
    FROM readable WHERE relkind = 'r' AND row_security_active(oid)
  UNION ALL
  SELECT 4, format('GRANT SELECT ON LARGE OBJECT %s TO %I', l.oid, current_user), ''
    FROM pg_largeobject_metadata l, me
   WHERE NOT me.rolsuper
     AND current_setting('lo_compat_privileges') <> 'on'
     AND NOT pg_has_role(l.lomowner, 'USAGE')
     AND NOT EXISTS (SELECT FROM aclexplode(l.lomacl) a
                      WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')))
  UNION ALL
  -- The options are shown to whom the mapping is for, if he may use the server; those for everyone to its owner.
  SELECT 5, CASE WHEN m.umuser = 0 THEN format('GRANT %I TO %I', pg_get_userbyid(s.srvowner), current_user)
                 WHEN m.usename = current_user THEN format('GRANT USAGE ON FOREIGN SERVER %I TO %I', m.srvname, current_user)
                 ELSE format('ALTER ROLE %I SUPERUSER', current_user) END,
         format('options of the user mapping of %s for %I', CASE m.umuser WHEN 0 THEN 'PUBLIC' ELSE quote_ident(m.usename) END,
                m.srvname)
    FROM pg_user_mappings m JOIN pg_foreign_server s ON s.oid = m.srvid, me
   WHERE NOT me.rolsuper
     AND NOT CASE WHEN m.umuser = 0 THEN pg_has_role(s.srvowner, 'USAGE')
                  ELSE m.usename = current_user
                       AND (pg_has_role(s.srvowner, 'USAGE') OR has_server_privilege(s.oid, 'USAGE')) END
  UNION ALL
  SELECT 6, format('ALTER ROLE %I SUPERUSER', current_user), format('subscription %I', subname)
    FROM pg_subscription, me
   WHERE NOT me.rolsuper AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
)
-- A name must not end the remark: somebody is going to run these as a superuser.
SELECT statement || CASE reason WHEN '' THEN ''
                      ELSE ' /* ' || translate(replace(reason, '*/', '* /'), E'\n\r\t', '   ') || ' */' END
  FROM lacking ORDER BY position, statement, reason;
