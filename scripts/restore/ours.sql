-- The side databases that killed restores of one database left, as a JSON array of names in psql's variable `ours`.
-- Variable: name.
--
-- What is dropped has the name that a restore gives, the mark that a restore writes, and an owner that a restore leaves: a
-- superuser, this user, the owner of the live database, or a restore's temporary role. Whoever owns a database can write the
-- mark, also on a live one.
SELECT coalesce(jsonb_agg(datname), '[]') AS ours
  FROM pg_database d, shobj_description(d.oid, 'pg_database') AS c(comment),
       (SELECT split_part(side, '_restore_00000000_', 1) AS short
          FROM (SELECT left(:'name', length) || '_restore_00000000_000000' AS side
                  FROM generate_series(63, 1, -1) AS length
                 WHERE octet_length(left(:'name', length)) <= 63 - length('_restore_YYYYMMDD_HHMMSS')
                 ORDER BY length DESC LIMIT 1) AS longest) AS names
 WHERE datname ~ '_restore_[0-9]{8}_[0-9]{6}$'
   AND left(datname, -length('_restore_YYYYMMDD_HHMMSS')) = short
   AND datname <> :'name'
   AND comment ~ '^pgkeep restore in progress: backup-[0-9]{8}-[0-9]{6}(\.sql\.gz)? '
   AND regexp_replace(comment, '^pgkeep restore in progress: [^ ]+ ', '') = :'name'
   AND (datdba IN (SELECT l.datdba FROM pg_database l WHERE l.datname = :'name')
        OR datdba IN (SELECT oid FROM pg_roles
                       WHERE rolsuper OR rolname = current_user
                          OR rolname ~ '^pgkeep_restore_[0-9]{8}_[0-9]{6}$'
                             AND shobj_description(oid, 'pg_authid') = 'pgkeep restore in progress: ' || :'name'))
\gset
