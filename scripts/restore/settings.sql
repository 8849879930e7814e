-- The side database gets what belongs to a database as such, as the last thing before the swap: from the live database that
-- it replaces, else from the manifest, else PostgreSQL's defaults. It is *set*: what code of the dump may have left there
-- meanwhile (a search_path in which its own functions come first, a right to connect) goes. Variables: name (the live
-- database), side, manifest_file ('' for a file of the older script), owned (true: the manifest says who owns it).
-- Prints the roles that the manifest names and the server has not; what was for them is left out.
\set manifest {}
SELECT :'manifest_file' <> '' AS has_manifest
\gset
\if :has_manifest
\set manifest `cat :'manifest_file'`
\endif
\ir ../facts/database-properties.sql
-- Backups of earlier versions know none of it.
SELECT coalesce(nullif(:'database_properties', '')::jsonb, :'manifest'::jsonb #> '{facts,database,properties}', '{}') AS database_properties,
       coalesce(CASE WHEN :'owned'::boolean THEN :'manifest'::jsonb #>> '{facts,database,owner}' END,
                (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = :'name'), current_user) AS owner
\gset
SELECT row ->> 0
  FROM jsonb_array_elements(:'database_properties'::jsonb -> 'settings') AS row
 WHERE row ->> 0 NOT IN (SELECT rolname FROM pg_roles)
UNION
SELECT row ->> 0
  FROM jsonb_array_elements(CASE jsonb_typeof(:'database_properties'::jsonb -> 'rights') WHEN 'array'
                                 THEN :'database_properties'::jsonb -> 'rights' ELSE '[]' END) AS row
 WHERE row ->> 0 NOT IN (SELECT rolname FROM pg_roles);
SELECT s || jsonb_build_object(
         'settings', (SELECT coalesce(jsonb_agg(row), '[]') FROM jsonb_array_elements(coalesce(s -> 'settings', '[]')) AS row
                       WHERE row ->> 0 IS NULL OR row ->> 0 IN (SELECT rolname FROM pg_roles)),
         'rights', CASE jsonb_typeof(s -> 'rights') WHEN 'array' THEN
                     (SELECT coalesce(jsonb_agg(row), '[]') FROM jsonb_array_elements(s -> 'rights') AS row
                       WHERE row ->> 0 IS NULL OR row ->> 0 IN (SELECT rolname FROM pg_roles)) END) AS database_properties
  FROM (SELECT :'database_properties'::jsonb AS s) AS given
\gset
\set target :side
\ir ../facts/database-statements.sql
-- In one transaction: a side database between two states must not be swapped.
BEGIN;
SELECT format('ALTER DATABASE %I IS_TEMPLATE false', :'side'),
       format('ALTER DATABASE %I CONNECTION LIMIT -1', :'side'),
       format('ALTER DATABASE %I OWNER TO %I', :'side', :'owner'),
       format('ALTER DATABASE %I RESET ALL', :'side')
\gexec
SELECT format('ALTER ROLE %I IN DATABASE %I RESET ALL', r.rolname, :'side')
  FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase JOIN pg_roles r ON r.oid = s.setrole
 WHERE d.datname = :'side'
\gexec
SELECT DISTINCT format('REVOKE ALL ON DATABASE %I FROM %s CASCADE', :'side',
                       CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
  FROM pg_database d, aclexplode(d.datacl) AS a WHERE d.datname = :'side'
\gexec
-- What a database without rights of its own gives: CREATE DATABASE had it so, until everybody was kept out.
SELECT format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO PUBLIC', :'side'),
       format('GRANT ALL ON DATABASE %I TO %I', :'side', :'owner')
 WHERE jsonb_typeof(:'database_properties'::jsonb -> 'rights') IS DISTINCT FROM 'array'
\gexec
SELECT statement FROM jsonb_array_elements_text(:'statements'::jsonb) AS s(statement)
\gexec
COMMIT;
