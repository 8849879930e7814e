-- A kept database goes. Variables: name, kept. Only while it carries the comment of the swap, and never the live one: the
-- undo takes the comment away when it gives the name back.
SELECT format('DROP DATABASE %I WITH (FORCE)', datname)
  FROM pg_database
 WHERE datname = :'kept'
   AND datname <> :'name'
   AND shobj_description(oid, 'pg_database') ~ '^pgkeep kept: '
\gexec
