-- ANALYZE of every table on its own, so that one that fails does not take the others along. No variables.
\set ON_ERROR_STOP off
SELECT format('ANALYZE %I.%I', n.nspname, c.relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm', 'p')
   AND c.relpersistence <> 't'
   AND NOT c.relisshared  -- those belong to the server, and only its superuser may
 ORDER BY c.oid
\gexec
