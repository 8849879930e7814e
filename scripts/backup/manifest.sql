-- Writes manifest.json and summary. Variables: facts_file, sequences_before, sequences_after, manifest_file, summary_file,
-- name, created, duration, dump_seconds, format, compression, owners, table_hashes, client_version, backup_bytes.
-- The facts come through psql's own backquotes: they may be larger than a command line can be.
-- Every field is described in docs/manifest.md.
\set facts `cat :'facts_file'`
\set before `cat :'sequences_before'`
\set after `cat :'sequences_after'`
WITH sequences AS (
  SELECT coalesce(jsonb_agg(b || jsonb_build_object('lastValueAfter', a -> 'lastValue', 'isCalledAfter', a -> 'isCalled')
                            ORDER BY b ->> 'schema', b ->> 'name'), '[]') AS list
    FROM jsonb_array_elements(:'before'::jsonb) AS b
         -- One that was dropped meanwhile is in the dump all the same: its last known value stands for both.
         LEFT JOIN LATERAL (SELECT coalesce((SELECT e FROM jsonb_array_elements(:'after'::jsonb) AS e
                                              WHERE e ->> 'schema' = b ->> 'schema' AND e ->> 'name' = b ->> 'name'), b) AS a)
           AS found ON true
)
SELECT jsonb_pretty(jsonb_build_object(
    'schemaVersion', 3,
    'name', :'name',
    'created', :'created',
    'durationSeconds', :'duration'::numeric,
    'dumpSeconds', :'dump_seconds'::numeric,
    'format', :'format',
    'compression', :'compression',
    'owners', :'owners'::boolean,
    'tableHashes', :'table_hashes'::boolean,
    'backupBytes', :'backup_bytes'::bigint,
    'tools', jsonb_build_object('pg_dump', :'client_version'),
    'facts', :'facts'::jsonb || jsonb_build_object('sequences', sequences.list))) AS manifest
  FROM sequences
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
           (14, 'backup_bytes', m ->> 'backupBytes'),
           (15, 'owners', m ->> 'owners'),
           (16, 'table_hashes', m ->> 'tableHashes')
         ) AS line(position, key, value)
   ORDER BY position
) TO STDOUT;
\o
