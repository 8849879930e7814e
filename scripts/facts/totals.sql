-- Headline of a restored database: a row `tables, rows`, then one `name, rows` for each table. Variable: facts_file.
\set facts `cat :'facts_file'`
SELECT :'facts'::jsonb #>> '{totals,tables}', :'facts'::jsonb #>> '{totals,rows}';
SELECT format('%I.%I', schema, name), rows
  FROM jsonb_to_recordset(:'facts'::jsonb -> 'tables') AS t(schema text, name text, kind text, rows bigint)
 WHERE kind = 'table'
 ORDER BY schema, name;
