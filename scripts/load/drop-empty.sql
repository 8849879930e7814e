-- Drops a database. Variable: side. The caller has seen that nothing is in it.
SELECT format('DROP DATABASE %I WITH (FORCE)', datname), format('SELECT %L', format('dropped %s, left by a restore that was killed', datname))
  FROM pg_database WHERE datname = :'side' AND shobj_description(oid, 'pg_database') IS NULL
\gexec
