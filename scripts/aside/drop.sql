-- A database that was put aside goes. Variables: name (the live one), number (its OID, as list.sql lists it). Only
-- while it carries the comment and the name of the swap, and never the live one: the undo takes the comment away when it
-- gives the name back, and who has made another database under the old name since has not this number.
\ir ../server/grammar.sql
-- Only where it is one: a drop that a full disk has ended half-way leaves a database that can be dropped and not altered.
SELECT CASE WHEN datistemplate THEN format('ALTER DATABASE %I IS_TEMPLATE false', datname) END,
       format('DROP DATABASE %I WITH (FORCE)', datname)
  FROM pg_database
 WHERE oid = :'number'::oid
   AND datname <> :'name'
   AND datname ~ :'aside_name'
   AND shobj_description(oid, 'pg_database') ~ :'aside_mark'
\gexec
