-- The databases that restores and undos of one database have put aside, newest first:
--   OID, name, what took its place, when (UTC), age in seconds, size in bytes, owner, may (t: this user may), ours
-- Variables: name, now (this pod's clock, seconds since 1970), manifest_file (of the newest verified backup of that database;
-- '' for none). The caller asks for zero bytes between the fields: names and comments are other people's words.
--
-- By the comment that the swap wrote, and by the name that it gave; never by one of them alone. Whoever owns a database can
-- write such a comment, so `ours` is f where the owner is neither the live database's nor a superuser nor this user: such a
-- one may be somebody else's, and neither takes the name nor is dropped. Where there is no live database, the owner that the
-- backup names stands for its owner.
-- The age by the server's clock or by the pod's, whichever makes it younger: one wrong clock drops nothing.
\set manifest {}
SELECT :'manifest_file' <> '' AND NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') AS has_manifest
\gset
\if :has_manifest
\set manifest `cat :'manifest_file'`
\endif
\ir ../server/grammar.sql
WITH aside AS MATERIALIZED (
  SELECT d.oid, d.datname, d.datdba, split_part(c.comment, ' ', 3) AS successor, split_part(c.comment, ' ', 4) AS stamp
    FROM pg_database d, shobj_description(d.oid, 'pg_database') AS c(comment)
   WHERE c.comment ~ :'aside_mark'
     AND regexp_replace(split_part(c.comment, E'\n', 1), :'aside_words', '') = :'name'
     AND d.datname ~ :'aside_name'
     AND starts_with(:'name', left(d.datname, -length('_before_YYYYMMDD_HHMMSS')))
     AND d.datname <> :'name'
), dated AS (
  SELECT *, make_timestamptz(substr(stamp, 1, 4)::int, substr(stamp, 5, 2)::int, 1, 0, 0, 0, 'UTC')
            + make_interval(days => substr(stamp, 7, 2)::int - 1, hours => substr(stamp, 10, 2)::int,
                            mins => substr(stamp, 12, 2)::int, secs => substr(stamp, 14, 2)::int) AS since
    FROM aside
)
SELECT oid, datname, successor, to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
       greatest(0, floor(least(extract(epoch FROM clock_timestamp()), :'now'::numeric) - extract(epoch FROM since)))::bigint,
       -- Not everybody may ask for the size of every database.
       CASE WHEN has_database_privilege(oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'USAGE')
            THEN pg_database_size(oid)::text ELSE '-' END,
       pg_get_userbyid(datdba),
       pg_has_role(datdba, 'USAGE'),
       datdba IN (SELECT datdba FROM pg_database WHERE datname = :'name')
         OR datdba IN (SELECT oid FROM pg_roles WHERE rolsuper OR rolname = current_user)
         OR NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name')
            AND pg_get_userbyid(datdba) = :'manifest'::jsonb #>> '{facts,database,owner}' IS TRUE
  FROM dated
 ORDER BY since DESC, datname DESC;
