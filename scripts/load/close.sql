-- The temporary role does not come in any more, and whoever is in the side database goes. Variables: role, side.
ALTER ROLE :"role" NOLOGIN;
\o /dev/null
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = :'side' AND usename IS NOT NULL AND pid <> pg_backend_pid();
\o
