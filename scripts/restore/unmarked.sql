-- Databases with the name of a side database of this one and without our mark: a restore was killed between CREATE DATABASE
-- and COMMENT, so there is nothing in them. Variable: name.
\ir ../server/grammar.sql
\ir ../server/short.sql
SELECT datname
  FROM pg_database
 WHERE datname ~ :'side_name'
   AND left(datname, -length('_restore_YYYYMMDD_HHMMSS')) = :'short'
   AND datname <> :'name'
   AND shobj_description(oid, 'pg_database') IS NULL;
