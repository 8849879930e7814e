-- The side databases that killed restores of one database left, as a JSON array of names in psql's variable `ours`.
-- Variable: name.
--
-- What is dropped has the name that a restore gives, the mark that a restore writes, and an owner that a restore leaves: a
-- superuser, this user, the owner of the live database, or a restore's temporary role. Whoever owns a database can write the
-- mark, also on a live one.
\ir ../server/grammar.sql
\ir ../server/short.sql
SELECT coalesce(jsonb_agg(datname), '[]') AS ours
  FROM pg_database d, shobj_description(d.oid, 'pg_database') AS c(comment)
 WHERE datname ~ :'side_name'
   AND left(datname, -length('_restore_YYYYMMDD_HHMMSS')) = :'short'
   AND datname <> :'name'
   AND comment ~ :'side_mark'
   AND regexp_replace(comment, :'side_words', '') = :'name'
   AND (datdba IN (SELECT l.datdba FROM pg_database l WHERE l.datname = :'name')
        OR datdba IN (SELECT oid FROM pg_roles
                       WHERE rolsuper OR rolname = current_user
                          OR rolname ~ '^pgkeep_restore_[0-9]{8}_[0-9]{6}$'
                             AND shobj_description(oid, 'pg_authid') = 'pgkeep restore in progress: ' || :'name'))
\gset
