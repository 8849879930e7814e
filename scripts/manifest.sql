-- Writes manifest.json and summary. Variables: facts_file, manifest_file, summary_file, name, created, duration,
-- dump_seconds, format, compression, client_version, backup_bytes.
-- The facts come through psql's own backquotes: they may be larger than a command line can be.
\set facts `cat :'facts_file'`
SELECT jsonb_pretty(jsonb_build_object(
    'schemaVersion', 1,
    'name', :'name',
    'created', :'created',
    'durationSeconds', :'duration'::numeric,
    'dumpSeconds', :'dump_seconds'::numeric,
    'format', :'format',
    'compression', :'compression',
    'backupBytes', :'backup_bytes'::bigint,
    'tools', jsonb_build_object('pg_dump', :'client_version'),
    'facts', :'facts'::jsonb)) AS manifest
\gset
\o :manifest_file
SELECT :'manifest';
\o :summary_file
-- COPY escapes tabs, line breaks and backslashes, so that each value stays on its line.
COPY (
  SELECT key || '=' || coalesce(value, '-')
    FROM (SELECT :'manifest'::jsonb AS m) AS manifest,
         LATERAL (VALUES
           (1, 'schema_version', m ->> 'schemaVersion'),
           (2, 'name', m ->> 'name'),
           (3, 'database', m #>> '{facts,database,name}'),
           (4, 'created', m ->> 'created'),
           (5, 'duration_seconds', m ->> 'durationSeconds'),
           (6, 'format', m ->> 'format'),
           (7, 'compression', m ->> 'compression'),
           (8, 'server_version', split_part(m #>> '{facts,server,version}', ' ', 1)),
           (9, 'client_version', m #>> '{tools,pg_dump}'),
           (10, 'tables', m #>> '{facts,totals,tables}'),
           (11, 'rows', m #>> '{facts,totals,rows}'),
           (12, 'large_objects', m #>> '{facts,counts,largeObjects}'),
           (13, 'database_bytes', m #>> '{facts,database,bytes}'),
           (14, 'backup_bytes', m ->> 'backupBytes')
         ) AS line(position, key, value)
   ORDER BY position
) TO STDOUT;
\o
