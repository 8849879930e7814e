-- The side database goes. Variables: side, name. Only with our mark: the swap takes the mark away.
SELECT format('DROP DATABASE %I WITH (FORCE)', datname)
  FROM pg_database
 WHERE datname = :'side'
   AND datname <> :'name'
   AND shobj_description(oid, 'pg_database') ~ '^pgkeep restore in progress: '
\gexec
