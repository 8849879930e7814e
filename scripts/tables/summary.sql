-- In the live database: the new tables and what to do with them. Variables: list_file (list.sql, after the move) and
-- facts_file (contents.sql, of the live database). Prints rows `what, text, number`.
\set list `cat :'list_file'`
\set facts `cat :'facts_file'`
WITH list AS (
  SELECT l.*, format('%I.%I', schema, name) AS side, format('%I.%I', "from", was) AS original, c.oid, c.relispartition
    FROM jsonb_to_recordset(:'list'::jsonb) AS l(schema text, name text, kind text, "from" text, was text)
         JOIN pg_namespace n ON n.nspname = l.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = l.name
   WHERE kind <> 'sequence'
), example AS (
  SELECT * FROM list WHERE NOT relispartition ORDER BY side LIMIT 1
), columns AS (
  -- Generated ones are computed, and columns may stand in another order by now.
  SELECT string_agg(format('%I', attname), ', ' ORDER BY attnum) AS names, bool_or(attidentity = 'a') AS is_identity
    FROM pg_attribute WHERE attrelid = (SELECT oid FROM example) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
), rows AS (
  SELECT 1 AS position, 'table' AS what, side AS text, t.rows::text AS number
    FROM list JOIN jsonb_to_recordset(:'facts'::jsonb -> 'tables') AS t(schema text, name text, kind text, rows bigint)
                ON t.schema = list.schema AND t.name = list.name
   WHERE t.kind = 'table'
  UNION ALL
  SELECT 2, 'example', format('SELECT * FROM %s LIMIT 10;', side), '' FROM example
  UNION ALL
  SELECT 3, 'example',
         format('INSERT INTO %1$s (%2$s)%3$s SELECT %2$s FROM %4$s ON CONFLICT DO NOTHING;', original, names,
                CASE WHEN is_identity THEN ' OVERRIDING SYSTEM VALUE' ELSE '' END, side), ''
    FROM example, columns WHERE names IS NOT NULL
  UNION ALL
  SELECT 4, 'drop', format('DROP SCHEMA %I CASCADE;', schema), '' FROM (SELECT DISTINCT schema FROM list) AS schemas
)
SELECT what, translate(text, E'\n\r\t', '   '), number FROM rows ORDER BY position, text;
