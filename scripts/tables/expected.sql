-- The manifest as if it were of the chosen relations only, for facts/compare.sql. Variables: manifest_file, wanted_file,
-- list_file (list.sql). What was wanted is expected even where the list has it not.
\set manifest `cat :'manifest_file'`
\set wanted `cat :'wanted_file'`
\set list `cat :'list_file'`
WITH facts AS (
  SELECT :'manifest'::jsonb -> 'facts' AS facts
), chosen AS (
  SELECT "from" AS schema, was AS name FROM jsonb_to_recordset(:'list'::jsonb) AS l("from" text, was text)
  UNION
  SELECT t.schema, t.name
    FROM facts, jsonb_to_recordset(facts -> 'tables') AS t(schema text, name text, kind text),
         jsonb_to_recordset(:'wanted'::jsonb) AS w(what text, schema text, name text)
   WHERE t.kind IN ('table', 'partitioned table') AND t.schema = w.schema AND (w.what = 'schema' OR w.name = t.name)
)
SELECT jsonb_build_object('facts', jsonb_build_object('tables', coalesce((
           SELECT jsonb_agg(t) FROM jsonb_array_elements(facts -> 'tables') AS t
            WHERE (t ->> 'schema', t ->> 'name') IN (SELECT schema, name FROM chosen)), '[]'))
         -- The first manifests had no sequences.
         || CASE WHEN facts ? 'sequences' THEN jsonb_build_object('sequences', coalesce((
           SELECT jsonb_agg(s) FROM jsonb_array_elements(facts -> 'sequences') AS s
            WHERE (s ->> 'schema', s ->> 'name') IN (SELECT schema, name FROM chosen)), '[]')) ELSE '{}' END)
  FROM facts;
