-- In the empty side database, as a superuser: the extensions of the manifest with their schemas, and what the temporary
-- role needs to fill them. Prints the schemas that are there now, for the list of contents: their OIDs in the source are
-- not known, so their names, as pg_restore's list has them. Variables: role, manifest_file ('' for a legacy file).
\set manifest {}
SELECT :'manifest_file' <> '' AS has_manifest
\gset
\if :has_manifest
\set manifest `cat :'manifest_file'`
\endif
SET client_min_messages = warning;
SELECT set_config('pgkeep.extensions', coalesce(:'manifest'::jsonb #>> '{facts,extensions}', '[]'), false) AS extensions
\gset
SELECT set_config('pgkeep.role', :'role', false) AS role
\gset
-- The role does not own the database, and the dump may alter this schema (a comment, say). Where the dump names the owners
-- itself, the database has its own, who may make tables in it.
SELECT format('ALTER SCHEMA public OWNER TO %I', :'role')
 WHERE current_setting('server_version_num')::int < 150000
    OR (SELECT rolsuper FROM pg_roles r JOIN pg_database d ON d.datdba = r.oid WHERE d.datname = current_database())
\gexec
DO $$
DECLARE
  extension record;
BEGIN
  FOR extension IN
    SELECT DISTINCT schema FROM jsonb_to_recordset(current_setting('pgkeep.extensions')::jsonb) AS e(schema text)
     WHERE schema <> 'pg_catalog' AND schema NOT IN (SELECT nspname FROM pg_namespace)
       -- Some make their schema themselves.
       AND schema NOT IN (SELECT v.schema FROM pg_available_extension_versions v WHERE v.schema IS NOT NULL)
  LOOP
    EXECUTE format('CREATE SCHEMA %I AUTHORIZATION %I', extension.schema, current_setting('pgkeep.role'));
  END LOOP;
  -- Those that others need come first.
  WHILE EXISTS (SELECT FROM jsonb_to_recordset(current_setting('pgkeep.extensions')::jsonb) AS e(name text)
                 WHERE name NOT IN (SELECT extname FROM pg_extension)) LOOP
    SELECT e.name, e.schema, coalesce(same.version, a.default_version) AS version INTO extension
      FROM jsonb_to_recordset(current_setting('pgkeep.extensions')::jsonb) AS e(name text, version text, schema text)
           JOIN pg_available_extensions a USING (name)
           LEFT JOIN pg_available_extension_versions same ON same.name = e.name AND same.version = e.version
     WHERE e.name NOT IN (SELECT extname FROM pg_extension)
       AND NOT EXISTS (SELECT FROM pg_available_extension_versions v, unnest(v.requires) AS needed
                        WHERE v.name = e.name AND v.version = coalesce(same.version, a.default_version)
                          AND needed NOT IN (SELECT extname FROM pg_extension))
     LIMIT 1;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'extensions of the backup cannot be installed: %',
        (SELECT string_agg(name, ', ') FROM jsonb_to_recordset(current_setting('pgkeep.extensions')::jsonb) AS e(name text)
          WHERE name NOT IN (SELECT extname FROM pg_extension));
    END IF;
    EXECUTE format('CREATE EXTENSION %I SCHEMA %I VERSION %L', extension.name, extension.schema, extension.version);
  END LOOP;
END $$;
-- Rows that users have added to an extension's own tables are in the dump; foreign servers need the wrapper.
SELECT format('GRANT SELECT, INSERT, UPDATE ON %s %s TO %I', CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
              c.oid::regclass, :'role')
  FROM pg_extension e, unnest(e.extconfig) AS config(oid) JOIN pg_class c ON c.oid = config.oid
 WHERE relkind IN ('r', 'p')
UNION ALL
SELECT format('GRANT USAGE, UPDATE, SELECT ON SEQUENCE %s TO %I', c.oid::regclass, :'role')
  FROM pg_extension e, unnest(e.extconfig) AS config(oid) JOIN pg_class c ON c.oid = config.oid
 WHERE relkind = 'S'
UNION ALL
SELECT format('GRANT USAGE ON FOREIGN DATA WRAPPER %I TO %I', fdwname, :'role') FROM pg_foreign_data_wrapper
UNION ALL
SELECT format('GRANT USAGE ON SCHEMA %I TO %I', nspname, :'role')
  FROM pg_namespace WHERE oid >= 16384 AND nspowner <> (SELECT oid FROM pg_roles WHERE rolname = :'role')
\gexec
\ir schemas.sql
