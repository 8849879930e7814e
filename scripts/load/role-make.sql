-- Makes the role that executes the dump. Variables: role, password_file, name (the database), member (true: the dump names
-- the owners itself, so the role has to be one of each, but for superusers), manifest_file.
-- Prints what the server has stored of the password (pg_authid), so that another one is noticed.
-- The password is for minutes; still it shall not be in the server's log.
SET log_statement = none;
SET log_min_duration_statement = -1;
SET log_min_error_statement = panic;
-- Nor in a table of statements, which others may read.
SET pg_stat_statements.track = none;
\set password `cat :'password_file'`
-- With its mark or not at all, so that it is found if this is killed.
BEGIN;
CREATE ROLE :"role" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
SELECT format('COMMENT ON ROLE %I IS %L', :'role', 'pgkeep restore in progress: ' || :'name')
\gexec
COMMIT;
-- Settings for everybody must not end it or lead it elsewhere.
ALTER ROLE :"role" SET statement_timeout = 0;
ALTER ROLE :"role" SET lock_timeout = 0;
ALTER ROLE :"role" SET idle_in_transaction_session_timeout = 0;
-- A table in a tablespace stays in it.
SELECT format('GRANT CREATE ON TABLESPACE %I TO %I', spcname, :'role')
  FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')
\gexec
\set manifest {}
SELECT :'manifest_file' <> '' AND :'member' = 'true' AS has_owners
\gset
\if :has_owners
\set manifest `cat :'manifest_file'`
\endif
SELECT format('GRANT %I TO %I', rolname, :'role')
  FROM pg_roles
 WHERE NOT rolsuper
   -- Those that the server itself knows as rights to do something are nobody's owner.
   AND rolname !~ '^pg_'
   AND rolname IN (SELECT jsonb_array_elements_text(:'manifest'::jsonb #> '{facts,roles}')
                   UNION SELECT :'manifest'::jsonb #>> '{facts,database,owner}')
\gexec
SELECT rolpassword FROM pg_authid WHERE rolname = :'role';
