-- What a restore has to know before it touches anything, as rows `kind, detail, cure`:
--   stop     a reason to refuse        warning  something to know       fact  key, value
-- Variables: name (the database), manifest_file ('' for a legacy file), in_place (true or false).
\set manifest {}
SELECT :'manifest_file' <> '' AS has_manifest
\gset
\if :has_manifest
\set manifest `cat :'manifest_file'`
\endif
WITH facts AS (
  -- A dump without owners and rights needs none of the roles.
  SELECT :'manifest'::jsonb -> 'facts' AS facts, coalesce((:'manifest'::jsonb ->> 'owners')::boolean, true) AS owners
), me AS (
  SELECT oid, rolname, rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user
), live AS (
  SELECT * FROM pg_database WHERE datname = :'name'
), wanted_roles AS (
  SELECT DISTINCT role
    FROM (SELECT jsonb_array_elements_text(facts -> 'roles') AS role FROM facts WHERE owners
          UNION SELECT facts -> 'database' ->> 'owner' FROM facts WHERE owners) AS roles
   WHERE role IS NOT NULL AND role !~ '^pg_'
), wanted_extensions AS (
  SELECT extension ->> 'name' AS name, extension ->> 'version' AS version
    FROM facts, jsonb_array_elements(facts -> 'extensions') AS extension
), answers AS (
  SELECT 'stop' AS kind,
         format('user "%s" may not create databases', rolname) AS detail,
         format('as a superuser: ALTER ROLE %I CREATEDB', rolname) AS cure
    FROM me WHERE NOT rolsuper AND NOT rolcreatedb AND :'in_place' <> 'true'  -- in place none is made
  UNION ALL
  SELECT 'stop',
         format('database "%s" belongs to "%s", user "%s" is not a member of that role',
                datname, pg_get_userbyid(datdba), rolname),
         format('use the owner in the Secret, or as a superuser: GRANT %I TO %I', pg_get_userbyid(datdba), rolname)
    FROM live, me WHERE NOT rolsuper AND NOT pg_has_role(me.oid, datdba, 'MEMBER')
  UNION ALL
  SELECT 'stop', 'roles are missing: ' || string_agg(format('%I', role), ', ' ORDER BY role),
         'create them first (globals.sql of the backup has their definitions, without passwords): '
           || string_agg(format('CREATE ROLE %I;', role), ' ' ORDER BY role)
    FROM wanted_roles WHERE role NOT IN (SELECT rolname FROM pg_roles) HAVING count(*) > 0
  UNION ALL
  SELECT 'stop', 'extensions are not installed on the server: ' || string_agg(name, ', ' ORDER BY name),
         'use a server image that has them'
    FROM wanted_extensions WHERE name NOT IN (SELECT name FROM pg_available_extensions) HAVING count(*) > 0
  UNION ALL
  SELECT 'stop',
         format('the backup was taken from PostgreSQL %s, the server is %s',
                facts #>> '{server,version}', current_setting('server_version')),
         'restore into a server of the same or a newer major version'
    FROM facts
   WHERE (facts #>> '{server,versionNumber}')::int / 10000 > current_setting('server_version_num')::int / 10000
  UNION ALL
  SELECT 'stop', 'it is a template database', format('ALTER DATABASE %I IS_TEMPLATE false', datname)
    FROM live WHERE datistemplate
  UNION ALL
  SELECT 'stop', format('%s prepared transactions are open in it', count(*)),
         'COMMIT PREPARED or ROLLBACK PREPARED them: ' || string_agg(quote_literal(gid), ', ')
    FROM pg_prepared_xacts WHERE database = :'name' HAVING count(*) > 0
  UNION ALL
  SELECT 'warning',
         format('extension %s was %s, the server installs %s', w.name, w.version, a.default_version), ''
    FROM wanted_extensions w JOIN pg_available_extensions a USING (name) WHERE w.version <> a.default_version
  UNION ALL
  SELECT 'warning',
         format('the backup is of database "%s"', facts #>> '{database,name}'), ''
    FROM facts WHERE facts #>> '{database,name}' <> :'name'
  UNION ALL
  SELECT 'fact', 'live', CASE WHEN EXISTS (SELECT FROM live) THEN 'present' ELSE 'absent' END
)
SELECT kind, translate(detail, E'\n\t', '  '), translate(cure, E'\n\t', '  ') FROM answers;
