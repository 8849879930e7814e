-- In the side database: the chosen relations, and what comes along with them, move into new schemas, one for each they are
-- from: `<schema>_restored_<stamp>`. Variables: stamp, backup, created.
\ir names.sql
CREATE TABLE pgkeep_tables.schemas AS
WITH needed AS (
  SELECT n.nspname::text AS source
    FROM pgkeep_tables.chosen p JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace
  UNION SELECT n.nspname FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
         WHERE s.stxrelid IN (SELECT oid FROM pgkeep_tables.chosen)
  UNION SELECT n.nspname
          FROM pgkeep_tables.coming c JOIN pg_type t ON t.oid = c.objid JOIN pg_namespace n ON n.oid = t.typnamespace
         WHERE c.classid = 'pg_type'::regclass
  UNION SELECT n.nspname
          FROM pgkeep_tables.coming c JOIN pg_collation l ON l.oid = c.objid JOIN pg_namespace n ON n.oid = l.collnamespace
         WHERE c.classid = 'pg_collation'::regclass
  UNION SELECT n.nspname
          FROM pgkeep_tables.coming c JOIN pg_class r ON r.oid = c.objid JOIN pg_namespace n ON n.oid = r.relnamespace
         WHERE c.classid = 'pg_class'::regclass
)
SELECT source, :side_name AS side FROM needed;
SELECT format('CREATE SCHEMA %I', side),
       format('COMMENT ON SCHEMA %I IS %L', side,
              format('pgkeep: from schema %I of %s, made at %s', source, :'backup', :'created'))
  FROM pgkeep_tables.schemas
\gexec

-- Nothing restored becomes a part of a live table.
SELECT format(CASE WHEN c.relispartition THEN 'ALTER TABLE %2$s DETACH PARTITION %1$s' ELSE 'ALTER TABLE %s NO INHERIT %s' END,
              i.inhrelid::regclass, i.inhparent::regclass)
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhrelid IN (SELECT oid FROM pgkeep_tables.chosen) AND i.inhparent NOT IN (SELECT oid FROM pgkeep_tables.chosen)
\gexec

SELECT format('ALTER %s %s SET SCHEMA %I', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass, s.side)
  FROM pgkeep_tables.chosen p JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pgkeep_tables.schemas s ON s.source = n.nspname
 WHERE NOT p.follows
\gexec
SELECT format('ALTER STATISTICS %I.%I SET SCHEMA %I', n.nspname, e.stxname, s.side)
  FROM pg_statistic_ext e JOIN pg_namespace n ON n.oid = e.stxnamespace JOIN pgkeep_tables.schemas s ON s.source = n.nspname
 WHERE e.stxrelid IN (SELECT oid FROM pgkeep_tables.chosen)
\gexec
SELECT format('ALTER %s %s SET SCHEMA %I',
              CASE i.type WHEN 'composite type' THEN 'TYPE' ELSE upper(i.type) END,
              i.identity, s.side)
  FROM pgkeep_tables.coming c, pg_identify_object(c.classid, c.objid, 0) AS i, pgkeep_tables.schemas s
 WHERE quote_ident(s.source) = i.schema
\gexec
