-- In the side database: notes which relations were chosen, in a schema of its own that lives as long as the database: the
-- wanted tables, all partitions of partitioned ones, their sequences, and the sequences of wanted schemas.
-- Variable: wanted_file.
\set wanted `cat :'wanted_file'`
CREATE SCHEMA pgkeep_tables;
CREATE TABLE pgkeep_tables.chosen AS
WITH RECURSIVE wanted AS (
  SELECT * FROM jsonb_to_recordset(:'wanted'::jsonb) AS w(what text, schema text, name text)
), relations AS (
  SELECT c.oid, c.relkind, n.nspname, c.relname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't'
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), tables AS (
  SELECT r.oid, r.relkind
    FROM relations r JOIN wanted w ON w.schema = r.nspname AND (w.what = 'schema' OR w.name = r.relname)
   WHERE r.relkind IN ('r', 'p')
  UNION
  SELECT r.oid, r.relkind
    FROM tables t JOIN pg_inherits i ON i.inhparent = t.oid AND t.relkind = 'p' JOIN relations r ON r.oid = i.inhrelid
), owned AS (
  SELECT d.objid AS oid, d.refobjid AS owner
    FROM pg_depend d JOIN relations r ON r.oid = d.objid AND r.relkind = 'S'
   WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
     AND d.deptype IN ('a', 'i')
)
SELECT r.oid, r.nspname::text AS schema, r.relname::text AS name, r.relkind,
       -- With its table it moves and belongs to somebody by itself.
       r.oid IN (SELECT oid FROM owned) AS follows
  FROM relations r
 WHERE r.oid IN (SELECT oid FROM tables)
    OR r.oid IN (SELECT oid FROM owned WHERE owner IN (SELECT oid FROM tables))
    OR r.relkind = 'S' AND r.oid NOT IN (SELECT oid FROM owned)
       AND EXISTS (SELECT FROM wanted w WHERE w.what = 'schema' AND w.schema = r.nspname);
