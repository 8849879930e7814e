-- The chosen relations as they are called in the side database now, as JSON: [{schema, name, kind, from, was}]. No variables.
SELECT coalesce(jsonb_agg(jsonb_build_object(
         'schema', n.nspname, 'name', c.relname, 'from', p.schema, 'was', p.name,
         'kind', CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' ELSE 'sequence' END)
         ORDER BY n.nspname, c.relname), '[]')
  FROM pgkeep_tables.chosen p JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace;
