-- Hands what the temporary role has made to its owners; the database itself gets its own before the swap. As a superuser, in the
-- side database. Only names come from the manifest, and the server resolves and quotes them; nothing of the dump is executed.
-- Variables: role, name (the live database), manifest_file, owners:
--   each      as the manifest lists them
--   database  the dump has set them itself; what is left goes to the owner of the database
--   live      the dump knows none: to the owner of the live database, else to the role that runs this
\set manifest {}
SELECT :'owners' <> 'live' AS has_owners, :'owners' = 'each' AS has_list
\gset
\if :has_owners
\set manifest `cat :'manifest_file'`
\endif
\if :has_list
SELECT format('ALTER %s %s OWNER TO %I',
              CASE WHEN i.type IN ('function', 'procedure', 'aggregate') THEN 'routine'
                   WHEN i.type = 'statistics object' THEN 'statistics'
                   WHEN i.type = 'foreign-data wrapper' THEN 'foreign data wrapper' ELSE i.type END,
              i.identity, entry ->> 3)
  FROM jsonb_array_elements(:'manifest'::jsonb #> '{facts,ownership,others}') AS entry,
       pg_get_object_address(entry ->> 0, ARRAY(SELECT jsonb_array_elements_text(entry -> 1)),
                             ARRAY(SELECT jsonb_array_elements_text(entry -> 2))) AS a,
       pg_identify_object(a.classid, a.objid, 0) AS i
\gexec
\endif
SELECT coalesce(CASE :'owners' WHEN 'each' THEN m #>> '{facts,ownership,most}' END, owner) AS most
  FROM (SELECT m, coalesce(m #>> '{facts,database,owner}', live.owner, current_user) AS owner
          FROM (SELECT :'manifest'::jsonb AS m) AS manifest
               LEFT JOIN (SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = :'name') AS live ON true) AS found
\gset
-- The schema that CREATE DATABASE makes was lent to the temporary role; its owner is a word of the server's own.
SELECT format('ALTER SCHEMA public OWNER TO pg_database_owner')
  FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
 WHERE nspname = 'public' AND n.oid < 16384 AND r.rolname = :'role' AND current_setting('server_version_num')::int >= 150000
\gexec
REASSIGN OWNED BY :"role" TO :"most";
