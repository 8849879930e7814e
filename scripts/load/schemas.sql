-- The schemas of the connected database that are not PostgreSQL's own, one a line, as pg_restore's list has their names.
-- No variables.
SELECT translate(nspname, E'\n\r', '  ') FROM pg_namespace WHERE oid >= 16384;
