-- Ends the sessions on the database that is about to be replaced, for a second again and again: beside the swap, which keeps
-- new ones out. Variable: live (its OID).
\o /dev/null
SELECT format('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datid = %s AND usename IS NOT NULL', :'live'),
       'SELECT pg_sleep(0.02)'
  FROM generate_series(1, 50)
\gexec
