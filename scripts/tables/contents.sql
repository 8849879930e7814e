-- Rows, hashes and positions of listed relations, for facts/compare.sql. In a transaction of the caller's.
-- Variables: list_file (list.sql), facts_file, sequences_file (written), table_hashes (true or false).
\ir ../facts/contents.sql
-- By number, as facts/sequences.sql says.
SELECT coalesce(jsonb_agg(jsonb_build_object(
         'schema', l.schema, 'name', l.name, 'cycle', false, 'lastValue', value, 'isCalled', value IS NOT NULL,
         'lastValueAfter', value, 'isCalledAfter', value IS NOT NULL) ORDER BY l.schema, l.name), '[]') AS sequences
  FROM jsonb_to_recordset(:'list'::jsonb) AS l(schema text, name text)
       JOIN pg_namespace n ON n.nspname = l.schema
       JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = l.name AND c.relkind = 'S',
       pg_sequence_last_value(c.oid) AS value
\gset
\o :facts_file
SELECT jsonb_build_object('tables', current_setting('pgkeep.tables')::jsonb, 'sequences', :'sequences'::jsonb);
\o :sequences_file
SELECT :'sequences';
\o
