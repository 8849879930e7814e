-- The swap: nobody may connect, everybody leaves, both renames and everything that makes them visible in one transaction.
-- Variables: name, side, old. Fails as a whole; the caller then runs restore-allow.sql.
SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS false', :'name')
\gexec
\o /dev/null
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname IN (:'name', :'side') AND usename IS NOT NULL;
\o
SELECT coalesce(shobj_description(oid, 'pg_database'), '') AS comment
  FROM pg_database WHERE datname = :'name'
\gset
BEGIN;
ALTER DATABASE :"name" RENAME TO :"old";
ALTER DATABASE :"side" RENAME TO :"name";
ALTER DATABASE :"name" ALLOW_CONNECTIONS true;
ALTER DATABASE :"old" ALLOW_CONNECTIONS true;
SELECT format('COMMENT ON DATABASE %I IS %s', :'name', quote_nullable(nullif(:'comment', '')))
\gexec
COMMIT;
