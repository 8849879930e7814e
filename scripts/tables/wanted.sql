-- Which of the wanted tables and schemas a backup has. Variables: tables, schemas (one a line, as in SQL), facts_file (a
-- manifest, or facts/facts.sql's line), wanted_file (what was found goes there, as JSON: [{what, schema, name}]).
-- Prints `table, schema, name`, `schema, name, ''` or `stop, detail, cure`; the caller asks for zero bytes between.
\set facts `cat :'facts_file'`
SELECT set_config('pgkeep.tables', :'tables', false) AS tables_wanted,
       set_config('pgkeep.schemas', :'schemas', false) AS schemas_wanted
\gset
DO $$
DECLARE
  wish record;
  parts text[];
  found jsonb := '[]';
BEGIN
  FOR wish IN
    SELECT what, btrim(line, E' \t\r') AS line
      FROM (SELECT 'table' AS what, regexp_split_to_table(current_setting('pgkeep.tables'), E'\n') AS line
            UNION ALL SELECT 'schema', regexp_split_to_table(current_setting('pgkeep.schemas'), E'\n')) AS lines
     WHERE btrim(line, E' \t\r') <> ''
  LOOP
    BEGIN
      parts := parse_ident(wish.line);
    EXCEPTION WHEN invalid_parameter_value THEN
      parts := NULL;
    END;
    found := found || jsonb_build_object('what', wish.what, 'line', wish.line, 'parts', parts);
  END LOOP;
  PERFORM set_config('pgkeep.wishes', found::text, false);
END
$$;
WITH tables AS (
  SELECT t.*, format('%I.%I', schema, name) AS full_name
    FROM (SELECT :'facts'::jsonb AS doc) AS file,
         jsonb_to_recordset(coalesce(doc -> 'facts', doc) -> 'tables') AS t(schema text, name text, kind text)
), wishes AS (
  SELECT what, line, parts ->> 0 AS first, parts ->> 1 AS second, jsonb_array_length(parts) AS length
    FROM jsonb_to_recordset(current_setting('pgkeep.wishes')::jsonb) AS w(what text, line text, parts jsonb)
), answers AS (
  SELECT w.*, t.kind,
         CASE WHEN w.what = 'schema' THEN EXISTS (SELECT FROM tables
                                                   WHERE schema = w.first AND kind IN ('table', 'partitioned table'))
              ELSE t.kind IN ('table', 'partitioned table') END AS known,
         -- Other spellings first, then the same name elsewhere, then what begins alike.
         (SELECT string_agg(name, ', ' ORDER BY rank, name)
            FROM (SELECT full_name AS name, min(rank) AS rank
                    FROM (SELECT full_name,
                                 CASE WHEN lower(schema || '.' || name) = lower(w.first || '.' || coalesce(w.second, '')) THEN 1
                                      WHEN lower(name) = lower(coalesce(w.second, w.first)) THEN 2
                                      WHEN schema = w.first AND left(lower(name), 3) = left(lower(w.second), 3) THEN 3
                                      WHEN left(lower(name), 3) = left(lower(coalesce(w.second, w.first)), 3) THEN 4 END AS rank
                            FROM tables WHERE w.what = 'table' AND kind IN ('table', 'partitioned table')
                          UNION ALL
                          SELECT format('%I', schema),
                                 CASE WHEN lower(schema) = lower(w.first) THEN 1
                                      WHEN left(lower(schema), 3) = left(lower(w.first), 3) THEN 2 ELSE 3 END
                            FROM tables WHERE w.what = 'schema') AS ranked
                   WHERE rank IS NOT NULL GROUP BY 1 ORDER BY 2, 1 LIMIT 5) AS nearest) AS near
    FROM wishes w LEFT JOIN tables t ON w.what = 'table' AND w.length = 2 AND t.schema = w.first AND t.name = w.second
), rows AS (
  SELECT DISTINCT 2 AS position, what, first, coalesce(second, '') AS second
    FROM answers WHERE known AND length = CASE what WHEN 'table' THEN 2 ELSE 1 END
  UNION
  SELECT 1, 'stop',
         CASE WHEN length IS NULL THEN format('"%s" is no name as in SQL', line)
              WHEN what = 'table' AND length = 1 THEN format('table %s: the schema is missing', line)
              WHEN what = 'table' AND length > 2 THEN format('%s: a table is written as schema.table', line)
              WHEN what = 'schema' AND length > 1 THEN format('%s is no schema; a table is chosen with --table', line)
              WHEN kind IS NOT NULL THEN format('%s is a %s: its rows are not in a backup', line, kind)
              WHEN what = 'schema' THEN format('the backup has no table in a schema %s', line)
              ELSE format('the backup has no table %s', line) END,
         CASE WHEN length IS NULL THEN 'write "My Schema"."My Table" where a name is more than small letters, digits and _'
              WHEN kind IS NOT NULL THEN 'choose the tables it is made of, or restore the backup under another name (--into)'
              WHEN what = 'table' AND length > 2 THEN 'without the name of a database'
              WHEN what = 'schema' AND length > 1 THEN format('--table %s', line)
              WHEN near IS NOT NULL THEN 'near: ' || near
              ELSE 'the manifest of the backup lists its tables (pgkeep show)' END
    FROM answers
   WHERE known IS NOT TRUE OR length IS DISTINCT FROM CASE what WHEN 'table' THEN 2 ELSE 1 END
)
SELECT coalesce(jsonb_agg(jsonb_build_array(what, first, second) ORDER BY position, what, first, second), '[]') AS answers,
       coalesce((SELECT coalesce(doc -> 'facts', doc) #>> '{database,encoding}' FROM (SELECT :'facts'::jsonb AS doc) AS file),
                'UTF8') AS encoding
  FROM rows
\gset
SELECT coalesce(jsonb_agg(jsonb_build_object('what', row ->> 0, 'schema', row ->> 1, 'name', row ->> 2)), '[]') AS wanted
  FROM jsonb_array_elements(:'answers'::jsonb) AS row WHERE row ->> 0 <> 'stop'
\gset
-- Not as a row: those end in a zero byte here.
\o :wanted_file
\qecho :wanted
\o
SELECT row ->> 0, row ->> 1, row ->> 2 FROM jsonb_array_elements(:'answers'::jsonb) AS row WHERE row ->> 0 = 'stop';
-- pg_restore compares names byte by byte with those of the archive, which are in the encoding of the source.
SELECT set_config('pgkeep.answers', :'answers', false) AS answers
\gset
\encoding :encoding
SELECT row ->> 0, row ->> 1, row ->> 2
  FROM jsonb_array_elements(current_setting('pgkeep.answers')::jsonb) AS row WHERE row ->> 0 <> 'stop';
