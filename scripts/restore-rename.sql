-- There is no live database: the restored one takes the name. Variables: name, side.
\o /dev/null
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = :'side' AND usename IS NOT NULL;
\o
BEGIN;
ALTER DATABASE :"side" RENAME TO :"name";
SELECT format('COMMENT ON DATABASE %I IS NULL', :'name')
\gexec
COMMIT;
