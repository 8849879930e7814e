-- The sequences of a database as a JSON array of {oid, schema, name, cycle, increment}, by schema and name, in psql's variable
-- `sequences`. No variables. A backup reads it in the dump's own snapshot.
\ir objects.sql
WITH :user_objects
SELECT coalesce(jsonb_agg(jsonb_build_object('oid', r.oid, 'schema', n.nspname, 'name', r.relname, 'cycle', s.seqcycle,
                                             'increment', s.seqincrement) ORDER BY n.nspname, r.relname), '[]') AS sequences
  FROM pg_sequence s JOIN relations r ON r.oid = s.seqrelid JOIN schemas n ON n.oid = r.relnamespace
\gset
