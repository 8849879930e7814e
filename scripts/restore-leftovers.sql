-- Undoes what an earlier, killed restore of this database left: its side database goes, and connections to the live one
-- are allowed again if they were switched off for a swap that did not happen. Both renames of a swap are one
-- transaction, so there is nothing in between. Only databases that carry our comment are touched.
-- Variable: name. Prints what it did.
SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS true', live.datname),
       format('SELECT %L', 'connections to the live database are allowed again')
  FROM pg_database live
 WHERE live.datname = :'name'
   AND NOT live.datallowconn
   AND EXISTS (SELECT FROM pg_database side
                WHERE shobj_description(side.oid, 'pg_database') ~ '^pgkeep restore in progress: '
                  AND regexp_replace(shobj_description(side.oid, 'pg_database'), '^[^:]*: [^ ]* ', '') = :'name'
                   -- An undo has no side database: it swaps with what is kept.
                   OR shobj_description(side.oid, 'pg_database') ~ '^pgkeep kept: '
                  AND regexp_replace(split_part(shobj_description(side.oid, 'pg_database'), E'\n', 1),
                                     '^pgkeep kept: [^ ]+ [^ ]+ ', '') = :'name')
\gexec
SELECT format('DROP DATABASE %I WITH (FORCE)', side.datname),
       format('SELECT %L', format('dropped %s, left by a restore that was killed', side.datname))
  FROM pg_database side
 WHERE shobj_description(side.oid, 'pg_database') ~ '^pgkeep restore in progress: '
   AND regexp_replace(shobj_description(side.oid, 'pg_database'), '^[^:]*: [^ ]* ', '') = :'name'
   AND side.datname <> :'name'
\gexec
-- And their roles, which own nothing any more. In this database for what they were granted on tablespaces.
SELECT format('DROP OWNED BY %I', rolname), format('DROP ROLE %I', rolname),
       format('SELECT %L', format('dropped role %s, left by a restore that was killed', rolname))
  FROM pg_roles
 WHERE rolname ~ '^pgkeep_restore_[0-9]{8}_[0-9]{6}$'
   AND shobj_description(oid, 'pg_authid') = 'pgkeep restore in progress: ' || :'name'
\gexec
