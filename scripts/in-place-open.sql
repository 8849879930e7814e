-- After a restore in place that was killed: its session ends, if that has not noticed yet, and everybody gets in again.
-- Variable: name. Prints what it did.
\o /dev/null
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = :'name' AND application_name = 'pgkeep' AND usename = current_user AND pid <> pg_backend_pid();
\o
SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS true', datname),
       format('SELECT %L', format('connections to "%s" are allowed again', datname))
  FROM pg_database WHERE datname = :'name' AND NOT datallowconn
\gexec
