-- What this role cannot read, one line each: what pg_dump would stop at, hours later and one object at a time.
WITH members AS (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), schemas AS (
  SELECT oid, nspname
    FROM pg_namespace n
   WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
     AND nspname !~ '^pg_(toast_)?temp_'
     AND NOT EXISTS (SELECT FROM members WHERE classid = 'pg_namespace'::regclass AND objid = n.oid)
), relations AS (
  SELECT c.oid, c.relkind, format('%I.%I', s.nspname, c.relname) AS name
    FROM pg_class c JOIN schemas s ON s.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'S')
     AND c.relpersistence <> 't'
     AND NOT EXISTS (SELECT FROM members WHERE classid = 'pg_class'::regclass AND objid = c.oid)
)
SELECT format('GRANT USAGE ON SCHEMA %I TO %I', nspname, current_user)
  FROM schemas WHERE NOT has_schema_privilege(oid, 'USAGE')
UNION ALL
SELECT format('GRANT SELECT ON %s %s TO %I', CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, name, current_user)
  FROM relations
 WHERE CASE relkind WHEN 'S' THEN NOT has_sequence_privilege(oid, 'SELECT')
                    ELSE NOT has_table_privilege(oid, 'SELECT') END
UNION ALL
SELECT format('ALTER ROLE %I BYPASSRLS /* row-level security of %s */', current_user, name)
  FROM relations WHERE row_security_active(oid)
UNION ALL
SELECT format('GRANT SELECT ON LARGE OBJECT %s TO %I', l.oid, current_user)
  FROM pg_largeobject_metadata l
 WHERE NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
   AND current_setting('lo_compat_privileges') <> 'on'
   AND NOT pg_has_role(l.lomowner, 'USAGE')
   AND NOT EXISTS (SELECT FROM aclexplode(l.lomacl) a
                    WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')));
