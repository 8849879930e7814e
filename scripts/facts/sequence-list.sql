-- The sequences of a database as a JSON array of {oid, schema, name, cycle, increment}, by schema and name, in psql's variable
-- `sequences`. No variables. A backup reads it in the dump's own snapshot.
SELECT coalesce(jsonb_agg(jsonb_build_object('oid', c.oid, 'schema', n.nspname, 'name', c.relname, 'cycle', s.seqcycle,
                                             'increment', s.seqincrement) ORDER BY n.nspname, c.relname), '[]') AS sequences
  FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relpersistence <> 't'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
   AND n.nspname !~ '^pg_(toast_)?temp_'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
\gset
