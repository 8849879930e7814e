-- Undoes what an earlier, killed restore of this database left: its side database goes, and connections to the live one
-- are allowed again if they were switched off for a swap that did not happen. Both renames of a swap are one
-- transaction, so there is nothing in between. Variable: name. Prints what it did.
\ir ours.sql
SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS true', live.datname),
       format('SELECT %L', 'connections to the live database are allowed again')
  FROM pg_database live
 WHERE live.datname = :'name'
   AND NOT live.datallowconn
   AND EXISTS (SELECT FROM pg_database side
                WHERE side.datname IN (SELECT jsonb_array_elements_text(:'ours'::jsonb))
                   -- An undo has no side database: it swaps with what was put aside.
                   OR shobj_description(side.oid, 'pg_database') ~ :'aside_mark'
                  AND regexp_replace(split_part(shobj_description(side.oid, 'pg_database'), E'\n', 1), :'aside_words', '')
                      = :'name')
\gexec
-- Only what is a template is altered: a drop that a full disk has ended half-way leaves a database that can be dropped alone.
SELECT CASE WHEN datistemplate THEN format('ALTER DATABASE %I IS_TEMPLATE false', datname) END,
       format('DROP DATABASE %I WITH (FORCE)', datname),
       format('SELECT %L', format('dropped %s, left by a restore that was killed', datname))
  FROM pg_database WHERE datname IN (SELECT jsonb_array_elements_text(:'ours'::jsonb))
\gexec
-- And their roles, which own nothing any more. In this database for what they were granted on tablespaces.
SELECT format('DROP OWNED BY %I', rolname), format('DROP ROLE %I', rolname),
       format('SELECT %L', format('dropped role %s, left by a restore that was killed', rolname))
  FROM pg_roles
 WHERE rolname ~ '^pgkeep_restore_[0-9]{8}_[0-9]{6}$'
   AND shobj_description(oid, 'pg_authid') = 'pgkeep restore in progress: ' || :'name'
\gexec
