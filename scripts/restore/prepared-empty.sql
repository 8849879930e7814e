-- In a prepared database: what is in it that a restore would have to make, as a row `stop, detail, cure`. Extensions and their
-- schemas may be there. No variables.
WITH members AS (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), found AS (
  SELECT format('relation %s', c.oid::regclass) AS what
    FROM pg_class c WHERE c.oid >= 16384 AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
     AND NOT EXISTS (SELECT FROM members WHERE classid = 'pg_class'::regclass AND objid = c.oid)
  UNION ALL
  SELECT format('function %s', p.oid::regprocedure) FROM pg_proc p
   WHERE p.oid >= 16384 AND NOT EXISTS (SELECT FROM members WHERE classid = 'pg_proc'::regclass AND objid = p.oid)
  UNION ALL
  SELECT format('type %s', t.oid::regtype) FROM pg_type t
   WHERE t.oid >= 16384 AND typrelid = 0 AND typelem = 0 AND NOT EXISTS (SELECT FROM members WHERE classid = 'pg_type'::regclass AND objid = t.oid)
  UNION ALL
  SELECT format('large object %s', oid) FROM pg_largeobject_metadata
)
SELECT 'stop', format('it is not empty: %s and %s more', min(what), count(*) - 1),
       'drop it and prepare it again; what is in it may be what an earlier restore has left'
  FROM found HAVING count(*) > 0;
