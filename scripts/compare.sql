-- What differs between the facts of a manifest and those of the database restored from it: what, expected, found.
-- No row means equal. Variables: manifest_file, found_file.
--
-- Not compared, because they may differ rightly: sizes, the version of the server and of extensions, the name of the
-- database, and the rows of materialized views, which a restore computes anew.
\set manifest `cat :'manifest_file'`
\set found `cat :'found_file'`
WITH expected AS (
  SELECT :'manifest'::jsonb -> 'facts' AS facts
), found AS (
  SELECT :'found'::jsonb AS facts
), expected_tables AS (
  SELECT t.* FROM expected, jsonb_to_recordset(facts -> 'tables') AS t(schema text, name text, kind text, rows bigint)
), found_tables AS (
  SELECT t.* FROM found, jsonb_to_recordset(facts -> 'tables') AS t(schema text, name text, kind text, rows bigint)
), differences AS (
  SELECT 1 AS position, 'database ' || key AS what, e.value AS expected, f.value AS found
    FROM expected, found,
         jsonb_each_text(expected.facts -> 'database') AS e
         LEFT JOIN LATERAL (SELECT found.facts -> 'database' ->> e.key AS value) AS f ON true
   WHERE e.key IN ('encoding', 'collate', 'ctype', 'localeProvider', 'locale')
     AND e.value IS DISTINCT FROM f.value
  UNION ALL
  SELECT 2, 'extension ' || name, 'present', 'missing'
    FROM (SELECT jsonb_array_elements(facts -> 'extensions') ->> 'name' AS name FROM expected
          EXCEPT
          SELECT jsonb_array_elements(facts -> 'extensions') ->> 'name' FROM found) AS missing
  UNION ALL
  SELECT 3, coalesce(e.kind, f.kind) || ' ' || format('%I.%I', schema, name) || CASE
           WHEN e.kind = f.kind THEN ' rows' ELSE '' END,
         CASE WHEN e.kind = f.kind THEN e.rows::text ELSE coalesce(e.kind, 'absent') END,
         CASE WHEN e.kind = f.kind THEN f.rows::text ELSE coalesce(f.kind, 'absent') END
    FROM expected_tables e FULL JOIN found_tables f USING (schema, name)
   WHERE e.kind IS DISTINCT FROM f.kind
      OR e.kind = 'table' AND e.rows IS DISTINCT FROM f.rows
  UNION ALL
  SELECT 4, 'number of ' || key, e.value, f.value
    FROM expected, found,
         jsonb_each_text(expected.facts -> 'counts') AS e
         LEFT JOIN LATERAL (SELECT found.facts -> 'counts' ->> e.key AS value) AS f ON true
   WHERE e.value IS DISTINCT FROM f.value
)
SELECT what, coalesce(expected, '-'), coalesce(found, '-') FROM differences ORDER BY position, what;
