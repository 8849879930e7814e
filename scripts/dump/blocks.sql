-- Whether a dump holds the rows that were counted in its snapshot, and each table's once: what, expected, found.
-- No row means it does.
-- Variables: facts_file (facts/facts.sql's line), blocks_file (what blocks.awk prints: lines `ROWS<TAB>identifier`; the
-- identifier as it stands in the COPY statement, but on one line: \n, \r, \t and \\ as COPY itself would write it).
--
-- Blocks of tables that the facts do not know are fine: extensions may name some of theirs for dumping. Where pg_dump
-- loads partitions through their root, as it does for hashed enums, the blocks are the root's, and only sums can tell.
\set facts `cat :'facts_file'`
SELECT set_config('pgkeep.facts', :'facts', false) AS facts, getdatabaseencoding() AS encoding
\gset
-- The dump is in the encoding of the database, and so are the names in it.
\encoding :encoding
\set blocks `cat :'blocks_file'`
WITH lines AS (
  SELECT split_part(line, E'\t', 1)::bigint AS rows, substr(line, strpos(line, E'\t') + 1) AS escaped
    FROM unnest(string_to_array(:'blocks', E'\n')) AS line
   WHERE line <> ''
), objects AS (
  SELECT what, expected, (SELECT rows FROM lines WHERE escaped = what) AS found
    FROM (VALUES ('large objects', (current_setting('pgkeep.facts')::jsonb #>> '{counts,largeObjects}')::bigint),
                 ('bytes of large objects', (current_setting('pgkeep.facts')::jsonb #>> '{totals,largeObjectBytes}')::bigint)) AS o(what, expected)
), blocks AS (
  SELECT rows, parse_ident(CASE WHEN strpos(escaped, E'\\') = 0 THEN escaped ELSE (
           SELECT string_agg(CASE part[1] WHEN E'\\n' THEN E'\n' WHEN E'\\r' THEN E'\r' WHEN E'\\t' THEN E'\t'
                                          WHEN E'\\\\' THEN E'\\' ELSE part[1] END, '' ORDER BY place)
             FROM regexp_matches(escaped, E'\\\\.|[^\\\\]+', 'g') WITH ORDINALITY AS p(part, place)) END) AS identifier
    FROM lines WHERE escaped NOT IN (SELECT what FROM objects)
), counted AS (
  SELECT identifier[1] AS schema, identifier[2] AS name, count(*) AS blocks, sum(rows) AS rows
    FROM blocks GROUP BY identifier[1], identifier[2]
), tables AS (
  SELECT t.*
    FROM jsonb_to_recordset(current_setting('pgkeep.facts')::jsonb -> 'tables') AS t(schema text, name text, kind text, rows bigint)
), found AS (
  -- No rows are expected of a standby's unlogged tables: they are not in its dump.
  SELECT format('%I.%I', schema, name) AS name, t.kind, t.rows AS expected, c.rows AS found, coalesce(c.blocks, 0) AS blocks
    FROM tables t LEFT JOIN counted c USING (schema, name)
), roots AS (
  -- Zero, not unknown, where there is no partitioned table.
  SELECT coalesce(sum(blocks), 0) AS blocks, coalesce(sum(found), 0) AS rows FROM found WHERE kind = 'partitioned table'
), missing AS (
  SELECT count(*) AS blocks, sum(expected) AS rows FROM found WHERE kind = 'table' AND expected IS NOT NULL AND blocks = 0
), differences AS (
  SELECT 'table ' || name AS what, expected || ' rows' AS expected, 'no block of rows' AS found
    FROM found
   WHERE kind = 'table' AND expected IS NOT NULL AND blocks = 0 AND (SELECT blocks = 0 FROM roots)
  UNION ALL
  SELECT 'table ' || name, 'one block of rows', blocks || ' blocks of rows' FROM found WHERE kind = 'table' AND blocks > 1
  UNION ALL
  SELECT 'table ' || name, coalesce(expected || ' rows', 'no block of rows'), found || ' rows'
    FROM found WHERE kind = 'table' AND blocks = 1 AND found IS DISTINCT FROM expected
  UNION ALL
  SELECT 'partitions loaded through their root', format('%s blocks, %s rows', missing.blocks, coalesce(missing.rows, 0)),
         format('%s blocks, %s rows', roots.blocks, roots.rows)
    FROM roots, missing
   WHERE roots.blocks > 0 AND (missing.blocks, coalesce(missing.rows, 0)) <> (roots.blocks, roots.rows)
  UNION ALL
  SELECT what, expected::text, coalesce(found::text, 'none') FROM objects WHERE expected IS DISTINCT FROM found
)
-- One line each, whatever characters names hold.
SELECT translate(what, E'\n\r\t', '   '), expected, found FROM differences ORDER BY what;
