-- The facts of a database as one line of JSON (docs/manifest.md says what each means). The caller holds the transaction:
-- for a backup the very snapshot pg_dump reads, for a restore one of its own; without one the settings below are lost.
-- Objects of extensions are left out: CREATE EXTENSION makes them.
-- Variable: table_hashes (true or false; unset is false), whether contents are hashed as well as counted.
--
-- Facts of a backup made today are compared with those that a later pgkeep reads. Whoever changes how a hash is made
-- gives its field or kind a new name: compare.sql compares only what both sides have.
\ir objects.sql
-- Also sets, for all that follows, how values are written.
\ir contents.sql
\ir large-objects.sql
DO $$
BEGIN
  PERFORM set_config('pgkeep.system_identifier', system_identifier::text, true) FROM pg_control_system();
EXCEPTION WHEN insufficient_privilege THEN
  PERFORM set_config('pgkeep.system_identifier', '', true);  -- some managed servers take the right away
END
$$;
\ir structure.sql
\ir ownership.sql
SELECT current_database() AS name
\gset
\ir database-properties.sql
WITH :user_objects, database AS (
  -- As JSON, because the columns about locales differ from version to version.
  SELECT d.oid, d.datname, d.datdba, to_jsonb(d) AS columns FROM pg_database d WHERE d.datname = current_database()
), tables AS (
  SELECT * FROM json_to_recordset(current_setting('pgkeep.tables')::json)
    AS t(schema text, name text, kind text, rows bigint)
), owners AS (
  SELECT datdba AS role FROM database
  UNION SELECT nspowner FROM schemas
  UNION SELECT relowner FROM relations
  UNION SELECT proowner FROM routines
  UNION SELECT typowner FROM types
  UNION SELECT lomowner FROM pg_largeobject_metadata
  UNION SELECT s.refobjid FROM pg_shdepend s, database d
         WHERE s.dbid = d.oid AND s.refclassid = 'pg_authid'::regclass
)
SELECT json_build_object(
  'server', json_build_object(
    'version', current_setting('server_version'),
    'versionNumber', current_setting('server_version_num')::int,
    'systemIdentifier', nullif(current_setting('pgkeep.system_identifier'), '')),
  'database', (SELECT json_build_object(
      'name', datname,
      'owner', pg_get_userbyid(datdba),
      'encoding', pg_encoding_to_char((columns ->> 'encoding')::int),
      'collate', columns ->> 'datcollate',
      'ctype', columns ->> 'datctype',
      'localeProvider', CASE coalesce(columns ->> 'datlocprovider', 'c')
                          WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END,
      'locale', coalesce(columns ->> 'datlocale', columns ->> 'daticulocale'),
      'icuRules', columns ->> 'daticurules',
      'collationVersion', columns ->> 'datcollversion',
      'bytes', pg_database_size(oid),
      'properties', :'database_properties'::json) FROM database),
  'extensions', (SELECT coalesce(json_agg(json_build_object(
      'name', e.extname, 'version', e.extversion, 'schema', n.nspname) ORDER BY e.extname), '[]')
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace),
  'roles', (SELECT coalesce(json_agg(rolname ORDER BY rolname), '[]')
    FROM pg_roles WHERE oid IN (SELECT role FROM owners) AND rolname !~ '^pg_'),
  'ownership', :'ownership'::json,
  'totals', (SELECT json_build_object(
      'tables', count(*) FILTER (WHERE kind = 'table'),
      'rows', coalesce(sum(rows) FILTER (WHERE kind = 'table'), 0),
      'largeObjectBytes', current_setting('pgkeep.large_object_bytes')::bigint) FROM tables),
  'counts', json_build_object(
    -- "public" comes with CREATE DATABASE, also where the source has dropped it.
    'schemas', (SELECT count(*) FROM schemas WHERE own AND nspname <> 'public'),
    'tables', (SELECT count(*) FROM relations WHERE relkind = 'r'),
    'partitionedTables', (SELECT count(*) FROM relations WHERE relkind = 'p'),
    'foreignTables', (SELECT count(*) FROM relations WHERE relkind = 'f'),
    'views', (SELECT count(*) FROM relations WHERE relkind = 'v'),
    'materializedViews', (SELECT count(*) FROM relations WHERE relkind = 'm'),
    'sequences', (SELECT count(*) FROM relations WHERE relkind = 'S'),
    -- An index that CREATE INDEX CONCURRENTLY left invalid is not dumped.
    'indexes', (SELECT count(*) FROM relations r JOIN pg_index i ON i.indexrelid = r.oid
                 WHERE i.indisvalid OR r.relkind = 'I'),
    -- NOT NULL became a constraint in PostgreSQL 18; left out, so that dumps of older servers compare equal there.
    'constraints', (SELECT count(*) FROM pg_constraint c
                     WHERE c.contype <> 'n'
                       AND (c.conrelid IN (SELECT oid FROM relations) OR c.contypid IN (SELECT oid FROM types))),
    'functions', (SELECT count(*) FROM routines),
    'triggers', (SELECT count(*) FROM pg_trigger
                  WHERE NOT tgisinternal AND tgrelid IN (SELECT oid FROM relations)),
    'policies', (SELECT count(*) FROM pg_policy WHERE polrelid IN (SELECT oid FROM relations)),
    'types', (SELECT count(*) FROM types WHERE typtype IN ('d', 'e', 'r')
                OR typtype = 'c' AND typrelid IN (SELECT oid FROM relations WHERE relkind = 'c')),
    'eventTriggers', (SELECT count(*) FROM pg_event_trigger t
                       WHERE NOT EXISTS (SELECT FROM members
                                          WHERE classid = 'pg_event_trigger'::regclass AND objid = t.oid)),
    'publications', (SELECT count(*) FROM pg_publication),
    'largeObjects', (SELECT count(*) FROM pg_largeobject_metadata)),
  'tables', current_setting('pgkeep.tables')::json,
  'largeObjectHash', nullif(current_setting('pgkeep.large_object_hash'), ''),
  'schema', :'structure'::json);
