-- The facts of a database as one line of JSON. The caller holds the transaction: for a backup the very snapshot pg_dump
-- reads, for a restore one of its own. Objects of extensions are left out: CREATE EXTENSION makes them.
--
-- Rows are counted in a loop, because a query for any number of tables cannot be written in advance; the counts leave
-- the loop through a setting that lives as long as the transaction, which a read-only transaction may have.
DO $$
DECLARE
  relation record;
  counted bigint;
  lines text[] := '{}';
  identifier text;
BEGIN
  FOR relation IN
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relispopulated
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'm', 'f')
       AND c.relpersistence <> 't'
       AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
       AND n.nspname !~ '^pg_(toast_)?temp_'
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
     ORDER BY n.nspname, c.relname
  LOOP
    counted := NULL;
    -- Partitions are counted one by one; foreign rows are not in the dump; a materialized view may be empty by state.
    IF relation.relkind = 'r'
       OR relation.relkind = 'm' AND relation.relispopulated AND has_table_privilege(relation.oid, 'SELECT') THEN
      EXECUTE format('SELECT count(*) FROM ONLY %I.%I', relation.nspname, relation.relname) INTO counted;
    END IF;
    lines := lines || json_build_object(
      'schema', relation.nspname,
      'name', relation.relname,
      'kind', CASE relation.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table'
                                    WHEN 'm' THEN 'materialized view' ELSE 'foreign table' END,
      'rows', counted)::text;
  END LOOP;
  PERFORM set_config('pgkeep.tables', '[' || array_to_string(lines, ',') || ']', true);

  BEGIN
    SELECT system_identifier::text INTO identifier FROM pg_control_system();
  EXCEPTION WHEN insufficient_privilege THEN
    identifier := NULL;  -- some managed servers take the right away
  END;
  PERFORM set_config('pgkeep.system_identifier', identifier, true);
END
$$;

WITH members AS (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), schemas AS (
  SELECT oid, nspname, nspowner
    FROM pg_namespace n
   WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
     AND nspname !~ '^pg_(toast_)?temp_'
     AND NOT EXISTS (SELECT FROM members WHERE classid = 'pg_namespace'::regclass AND objid = n.oid)
), relations AS (
  SELECT c.*
    FROM pg_class c JOIN schemas s ON s.oid = c.relnamespace
   WHERE c.relpersistence <> 't'
     AND NOT EXISTS (SELECT FROM members WHERE classid = 'pg_class'::regclass AND objid = c.oid)
), routines AS (
  SELECT p.*
    FROM pg_proc p JOIN schemas s ON s.oid = p.pronamespace
   WHERE NOT EXISTS (SELECT FROM members WHERE classid = 'pg_proc'::regclass AND objid = p.oid)
), types AS (
  SELECT t.*
    FROM pg_type t JOIN schemas s ON s.oid = t.typnamespace
   WHERE NOT EXISTS (SELECT FROM members WHERE classid = 'pg_type'::regclass AND objid = t.oid)
), database AS (
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
      'bytes', pg_database_size(oid)) FROM database),
  'extensions', (SELECT coalesce(json_agg(json_build_object(
      'name', e.extname, 'version', e.extversion, 'schema', n.nspname) ORDER BY e.extname), '[]')
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace),
  'roles', (SELECT coalesce(json_agg(rolname ORDER BY rolname), '[]')
    FROM pg_roles WHERE oid IN (SELECT role FROM owners) AND rolname !~ '^pg_'),
  'totals', (SELECT json_build_object(
      'tables', count(*) FILTER (WHERE kind = 'table'),
      'rows', coalesce(sum(rows) FILTER (WHERE kind = 'table'), 0)) FROM tables),
  'counts', json_build_object(
    'schemas', (SELECT count(*) FROM schemas),
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
  'tables', current_setting('pgkeep.tables')::json);
