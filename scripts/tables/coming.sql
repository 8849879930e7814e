-- In the side database: types, collations and sequences that the tables need and the live database has not come along.
-- Prints the rest, one a line. No functions: who has written them is not sure, and who would own them might be a superuser.
-- Variable: missing_file (what missing.sql printed).
\set missing `cat :'missing_file'`
CREATE TABLE pgkeep_tables.coming AS
WITH RECURSIVE missing AS (
  SELECT * FROM jsonb_to_recordset(:'missing'::jsonb) AS m(classid oid, objid oid)
  UNION
  SELECT classid, objid FROM pgkeep_tables.needs WHERE is_part
), coming AS (
  SELECT n.classid, n.objid FROM pgkeep_tables.needs n JOIN missing m USING (classid, objid) WHERE n.from_objid IS NULL
  UNION
  -- What the live database has needs nothing more.
  SELECT n.classid, n.objid
    FROM coming c JOIN pgkeep_tables.needs n ON (n.from_classid, n.from_objid) = (c.classid, c.objid)
         JOIN missing m ON (m.classid, m.objid) = (n.classid, n.objid)
)
SELECT c.classid, c.objid,
       (SELECT extension FROM pgkeep_tables.needs n WHERE (n.classid, n.objid) = (c.classid, c.objid) LIMIT 1) AS extension
  FROM coming c
 WHERE NOT EXISTS (SELECT FROM pgkeep_tables.needs n WHERE (n.classid, n.objid) = (c.classid, c.objid) AND n.is_part);
SELECT i.type || ' ' || i.identity || coalesce(' of extension ' || quote_ident(c.extension), '')
  FROM pgkeep_tables.coming c, pg_identify_object(c.classid, c.objid, 0) AS i
 WHERE c.extension IS NOT NULL
    OR NOT CASE c.classid
             WHEN 'pg_type'::regclass THEN (SELECT typtype IN ('c', 'd', 'e', 'r')
                                                   AND (typrelid = 0
                                                        OR EXISTS (SELECT FROM pg_class p
                                                                    WHERE p.oid = typrelid AND p.relkind = 'c'))
                                              FROM pg_type WHERE oid = c.objid)
             WHEN 'pg_collation'::regclass THEN true
             WHEN 'pg_class'::regclass THEN (SELECT relkind = 'S' FROM pg_class WHERE oid = c.objid)
             ELSE false END
 ORDER BY 1;
