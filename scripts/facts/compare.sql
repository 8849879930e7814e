-- What differs between the facts of a manifest and those of the database restored from it: what, expected, found.
-- No row means equal.
-- Variables: manifest_file (the whole manifest), found_file (facts.sql's line, read with the manifest's tableHashes),
-- found_sequences (the line of sequences.sql); both of the restored database.
--
-- Not compared, because they may differ rightly: sizes, the version of the server and of extensions, the name of the
-- database, and the rows of materialized views, which a restore computes anew. Nor what an older manifest lacks.
\set manifest `cat :'manifest_file'`
\set found `cat :'found_file'`
\set sequences `cat :'found_sequences'`
WITH manifest AS (
  SELECT :'manifest'::jsonb AS m
), expected AS (
  SELECT m -> 'facts' AS facts FROM manifest
), found AS (
  SELECT :'found'::jsonb AS facts
), expected_tables AS (
  SELECT t.*
    FROM expected, jsonb_to_recordset(facts -> 'tables') AS t(schema text, name text, kind text, rows bigint, hash text)
), found_tables AS (
  SELECT t.*
    FROM found, jsonb_to_recordset(facts -> 'tables') AS t(schema text, name text, kind text, rows bigint, hash text)
), both_tables AS (
  SELECT coalesce(e.kind, f.kind) || ' ' || format('%I.%I', schema, name) AS what,
         e.kind AS expected_kind, f.kind AS found_kind, e.rows AS expected_rows, f.rows AS found_rows,
         e.hash AS expected_hash, f.hash AS found_hash
    FROM expected_tables e FULL JOIN found_tables f USING (schema, name)
), expected_sequences AS (
  SELECT s.*
    FROM expected, jsonb_to_recordset(facts -> 'sequences')
           AS s(schema text, name text, cycle boolean, increment bigint, "lastValue" bigint, "isCalled" boolean,
                "lastValueAfter" bigint, "isCalledAfter" boolean)
), found_sequences AS (
  SELECT s.*
    FROM expected, jsonb_to_recordset(:'sequences'::jsonb)
           AS s(schema text, name text, "lastValue" bigint, "isCalled" boolean)
   WHERE facts ? 'sequences'
), both_sequences AS (
  SELECT format('sequence %I.%I', schema, name) AS what,
         e.name IS NULL AS is_extra, f.name IS NULL AS is_missing, e.cycle, e.increment,
         e."lastValue" AS before, e."lastValueAfter" AS after, f."lastValue" AS found,
         e."isCalled" AS called_before, e."isCalledAfter" AS called_after, f."isCalled" AS called_found
    FROM expected_sequences e FULL JOIN found_sequences f USING (schema, name)
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
  SELECT 3, what, coalesce(expected_kind, 'absent'), coalesce(found_kind, 'absent')
    FROM both_tables WHERE expected_kind IS DISTINCT FROM found_kind
  UNION ALL
  -- Rows are unknown for unlogged tables of a standby, which are not in the dump.
  SELECT 3, what || ' rows', expected_rows::text, found_rows::text
    FROM both_tables
   WHERE expected_kind = 'table' AND found_kind = 'table'
     AND coalesce(expected_rows, 0) IS DISTINCT FROM found_rows
  UNION ALL
  SELECT 3, what || ' content', expected_hash, found_hash
    FROM both_tables
   WHERE expected_kind = 'table' AND found_kind = 'table'
     AND expected_rows = found_rows AND expected_hash IS NOT NULL AND expected_hash IS DISTINCT FROM found_hash
  UNION ALL
  SELECT 4, what, CASE WHEN is_extra THEN 'absent' ELSE 'present' END, CASE WHEN is_missing THEN 'absent' ELSE 'present' END
    FROM both_sequences WHERE is_extra OR is_missing
  UNION ALL
  -- Where nothing moved during the dump, exactly that; else anything between (a cycling one may have gone round). A value is
  -- null where the sequence was not used since it was set (older manifests have one there too, which found has not).
  SELECT 4, what || ' position',
         CASE WHEN still THEN format('%s, called %s', coalesce(before::text, 'not used yet'), called_before)
              ELSE format('between %s and %s', coalesce(least(before, after)::text, 'not used yet'), greatest(before, after)) END,
         CASE WHEN still OR found IS NULL THEN format('%s, called %s', coalesce(found::text, 'not used yet'), called_found)
              ELSE found::text END
    FROM both_sequences,
         LATERAL (SELECT (before, called_before) IS NOT DISTINCT FROM (after, called_after) AS still) AS moved
   WHERE NOT is_extra AND NOT is_missing
     AND called_before IS NOT NULL AND called_after IS NOT NULL  -- dropped during the dump
     AND CASE WHEN still THEN called_found <> called_before OR coalesce(found <> before, false)
              WHEN cycle OR after IS NULL THEN false
              WHEN before IS NULL THEN CASE WHEN increment < 0 THEN found < after ELSE found > after END IS TRUE
              ELSE called_before AND NOT called_found OR found NOT BETWEEN least(before, after) AND greatest(before, after) END
  UNION ALL
  SELECT 5, 'content of large objects', expected.facts ->> 'largeObjectHash', found.facts ->> 'largeObjectHash'
    FROM expected, found
   WHERE expected.facts ->> 'largeObjectHash' IS NOT NULL
     AND expected.facts ->> 'largeObjectHash' IS DISTINCT FROM found.facts ->> 'largeObjectHash'
  UNION ALL
  SELECT 5, 'bytes of large objects', expected.facts #>> '{totals,largeObjectBytes}', found.facts #>> '{totals,largeObjectBytes}'
    FROM expected, found
   WHERE expected.facts -> 'totals' ? 'largeObjectBytes'
     AND expected.facts #>> '{totals,largeObjectBytes}' IS DISTINCT FROM found.facts #>> '{totals,largeObjectBytes}'
  UNION ALL
  -- Before manifests had a schema, these two counted what a restore need not bring back.
  SELECT 6, 'number of ' || key, e.value, f.value
    FROM expected, found,
         jsonb_each_text(expected.facts -> 'counts') AS e
         LEFT JOIN LATERAL (SELECT found.facts -> 'counts' ->> e.key AS value) AS f ON true
   WHERE e.value IS DISTINCT FROM f.value
     AND (expected.facts ? 'schema' OR e.key NOT IN ('schemas', 'indexes'))
  UNION ALL
  -- Catalogues differ from one major version to the next. What a dump without owners leaves out is not looked for.
  SELECT 7, 'structure: ' || key, e.value, f.value
    FROM manifest, expected, found,
         jsonb_each_text(expected.facts -> 'schema') AS e
         JOIN LATERAL (SELECT found.facts -> 'schema' ->> e.key AS value) AS f ON f.value IS NOT NULL
   WHERE e.value <> f.value
     AND (expected.facts #>> '{server,versionNumber}')::int / 10000 = (found.facts #>> '{server,versionNumber}')::int / 10000
     AND (coalesce((m ->> 'owners')::boolean, true) OR e.key NOT IN ('owners', 'privileges'))
)
-- One line each, whatever characters names hold.
SELECT translate(what, E'\n\r\t', '   '), coalesce(expected, '-'), coalesce(found, '-')
  FROM differences ORDER BY position, what;
