-- The swap: both renames and everything that makes them visible, in one transaction that is one message to the server.
-- Whatever becomes of this session, its client or the wire between them: all of it happens or nothing, and nothing stays shut.
-- Variables: name, live (present, or absent: then the new one only takes the name), side (the database that takes it), old
-- (the name of the replaced one), successor (the backup that side was made of, or `undo`), manifest_file (of that backup, or
-- ''). Fails as a whole.
--
-- The replaced database is known by its comment, `pgkeep kept: SUCCESSOR STAMP NAME`, with its own comment on the lines
-- below. A database that was kept gets that back; one made by a restore gets that of the database it replaces (comment: that
-- of the backup, where it replaces none). What the side database bears meanwhile may be anybody's words and is not looked at.
--
-- The first rename locks the database: who comes from then on waits for the end of the transaction, and who is in is sent
-- out by disconnect.sql, which runs beside this. Nothing here waits long: a session that does not end in a second
-- makes the swap fail, everyone goes on, and it is tried once more.
\ir ../server/grammar.sql
\set manifest {}
SELECT :'manifest_file' <> '' AS has_manifest
\gset
\if :has_manifest
\set manifest `cat :'manifest_file'`
\endif
SELECT :'live' = 'present' AS live_is_there,
       coalesce((SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = :'name'), '') AS own,
       coalesce((SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = :'side'), '') AS of_side
\gset
SELECT CASE WHEN :'successor' = 'undo' THEN substr(:'of_side', strpos(:'of_side' || E'\n', E'\n') + 1)
            WHEN :'live' = 'present' THEN :'own'
            ELSE coalesce(:'manifest'::jsonb #>> '{facts,database,properties,comment}', '') END AS comes,
       -- The first second that none has yet, so that it is always known which one is the newest.
       (SELECT format('pgkeep kept: %s %s %s', :'successor', min(stamp), :'name')
          FROM (SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC' + make_interval(secs => later), 'YYYYMMDD_HH24MISS') AS stamp
                  FROM generate_series(0, 60) AS later) AS stamps
         WHERE stamp NOT IN (SELECT split_part(shobj_description(oid, 'pg_database'), ' ', 4) FROM pg_database
                              WHERE shobj_description(oid, 'pg_database') ~ :'aside_mark'))
         || CASE WHEN :'own' = '' THEN '' ELSE E'\n' || :'own' END AS goes
\gset
\o /dev/null
SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE datname = :'side' AND usename IS NOT NULL;
\o
SET statement_timeout = '1s';
\if :live_is_there
BEGIN\;
ALTER DATABASE :"name" RENAME TO :"old"\;
ALTER DATABASE :"old" ALLOW_CONNECTIONS true\;
COMMENT ON DATABASE :"old" IS :'goes'\;
ALTER DATABASE :"side" RENAME TO :"name"\;
ALTER DATABASE :"name" ALLOW_CONNECTIONS true\;
COMMENT ON DATABASE :"name" IS :'comes'\;
COMMIT;
\else
BEGIN\;
ALTER DATABASE :"side" RENAME TO :"name"\;
ALTER DATABASE :"name" ALLOW_CONNECTIONS true\;
COMMENT ON DATABASE :"name" IS :'comes'\;
COMMIT;
\endif
