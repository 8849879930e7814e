-- In the side database, before anything is moved: what the chosen relations refer to outside themselves (types, functions,
-- collations, sequences, tables they inherit from), at any depth. Kept in pgkeep_tables.needs with who needs it; prints each
-- object once, as JSON, by the address that pg_get_object_address understands. No variables.
-- Foreign keys, triggers, rules and policies do not come along, so what only they need is not asked for.
CREATE TABLE pgkeep_tables.needs AS
WITH RECURSIVE own AS (
  SELECT 'pg_class'::regclass AS classid, oid AS objid FROM pgkeep_tables.chosen
  UNION ALL
  SELECT 'pg_class'::regclass, indexrelid FROM pg_index WHERE indrelid IN (SELECT oid FROM pgkeep_tables.chosen)
  UNION ALL
  SELECT 'pg_constraint'::regclass, oid FROM pg_constraint
   WHERE conrelid IN (SELECT oid FROM pgkeep_tables.chosen) AND contype NOT IN ('f', 't')
  UNION ALL
  SELECT 'pg_attrdef'::regclass, oid FROM pg_attrdef WHERE adrelid IN (SELECT oid FROM pgkeep_tables.chosen)
  UNION ALL
  SELECT 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext WHERE stxrelid IN (SELECT oid FROM pgkeep_tables.chosen)
), members AS (
  SELECT classid, objid, refobjid AS extension FROM pg_depend
   WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
), edges AS (
  -- An array stands for its elements, a multirange for its range.
  SELECT d.classid, d.objid, d.refclassid,
         CASE WHEN d.refclassid = 'pg_type'::regclass
              THEN coalesce((SELECT e.oid FROM pg_type e WHERE e.typarray = d.refobjid),
                            (SELECT r.rngtypid FROM pg_range r WHERE r.rngmultitypid = d.refobjid), d.refobjid)
              ELSE d.refobjid END AS refobjid
    FROM pg_depend d
   WHERE d.deptype <> 'e' AND d.refclassid NOT IN ('pg_namespace'::regclass, 'pg_extension'::regclass, 'pg_trigger'::regclass)
  UNION ALL
  -- What a type is made of hangs on these.
  SELECT 'pg_type'::regclass, t.oid, 'pg_class'::regclass, t.typrelid
    FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
  UNION ALL
  SELECT 'pg_type'::regclass, contypid, 'pg_constraint'::regclass, oid FROM pg_constraint WHERE contypid <> 0
), inherited AS (
  -- Tables that a chosen one inherits from are no need: it is taken out of the inheritance.
  SELECT inhrelid, inhparent FROM pg_inherits WHERE inhrelid IN (SELECT objid FROM own)
), reached AS (
  SELECT e.refclassid AS classid, e.refobjid AS objid, NULL::oid AS from_classid, NULL::oid AS from_objid
    FROM own JOIN edges e USING (classid, objid)
   WHERE e.refobjid >= 16384
     AND (e.refclassid, e.refobjid) NOT IN (SELECT classid, objid FROM own)
     AND NOT (e.classid = 'pg_class'::regclass AND e.refclassid = 'pg_class'::regclass
              AND (e.objid, e.refobjid) IN (SELECT inhrelid, inhparent FROM inherited))
  UNION
  SELECT e.refclassid, e.refobjid, r.classid, r.objid
    FROM reached r JOIN edges e USING (classid, objid)
   WHERE e.refobjid >= 16384
     AND (e.refclassid, e.refobjid) NOT IN (SELECT classid, objid FROM own)
     AND (e.refclassid, e.refobjid) <> (r.classid, r.objid)
     AND (r.classid, r.objid) NOT IN (SELECT classid, objid FROM members)
     -- Through what may come along; another table has to be there as it is.
     AND (r.classid IN ('pg_type'::regclass, 'pg_proc'::regclass, 'pg_collation'::regclass, 'pg_constraint'::regclass)
            AND NOT EXISTS (SELECT FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid
                             WHERE r.classid = 'pg_type'::regclass AND t.oid = r.objid AND c.relkind <> 'c')
          OR r.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_class WHERE oid = r.objid AND relkind = 'c'))
)
SELECT r.*,
       -- A part of a type, which is asked for itself.
       r.classid = 'pg_constraint'::regclass
         OR r.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_class WHERE oid = r.objid AND relkind = 'c') AS is_part,
       (SELECT e.extname::text FROM members m JOIN pg_extension e ON e.oid = m.extension
         WHERE m.classid = r.classid AND m.objid = r.objid LIMIT 1) AS extension
  FROM reached r;
SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object('classid', n.classid::oid::text, 'objid', n.objid::text, 'type', a.type,
                                                      'names', a.object_names, 'args', a.object_args)), '[]')
  FROM pgkeep_tables.needs n, pg_identify_object_as_address(n.classid, n.objid, 0) AS a
 WHERE NOT n.is_part;
