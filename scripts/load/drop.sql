-- The side database of this run goes. Variables: side, number (its OID; 0 where it was not told), name (the live database).
-- By its number, whatever its comment or its template flag say by now; without it only with our mark. Never the live one, and
-- never what bears another name: after the swap that number is the live database's.
\ir ../server/grammar.sql
-- Only where it is one: a drop that a full disk has ended half-way leaves a database that can be dropped and not altered.
SELECT CASE WHEN datistemplate THEN format('ALTER DATABASE %I IS_TEMPLATE false', datname) END,
       format('DROP DATABASE %I WITH (FORCE)', datname)
  FROM pg_database
 WHERE datname = :'side'
   AND datname <> :'name'
   AND datname ~ :'side_name'
   AND (oid = :'number'::oid OR :'number' = '0' AND shobj_description(oid, 'pg_database') ~ :'side_mark')
\gexec
