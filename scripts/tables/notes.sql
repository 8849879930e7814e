-- In the side database: what to know about the chosen tables, one a line. No variables.
SELECT format('%I.%I has columns that may name large objects, which do not come along: %s', p.schema, p.name,
              string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum))
  FROM pgkeep_tables.chosen p JOIN pg_attribute a ON a.attrelid = p.oid JOIN pg_type t ON t.oid = a.atttypid
 WHERE a.attnum > 0 AND NOT a.attisdropped AND p.relkind IN ('r', 'p') AND (t.oid = 'oid'::regtype OR t.typname = 'lo')
 GROUP BY p.schema, p.name;
