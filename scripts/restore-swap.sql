-- The swap: nobody may connect, everybody leaves, both renames and everything that makes them visible in one transaction.
-- Variables: name, live (present, or absent: then the new one only takes the name), side (the database that takes it), old
-- (the name of the replaced one), successor (the backup that side was made of, or `undo`). Fails as a whole; the caller then
-- runs restore-allow.sql.
--
-- The replaced database is known by its comment, `pgkeep kept: SUCCESSOR STAMP NAME`, with its own comment on the lines
-- below. A database that was kept gets that back; one made by a restore gets that of the database it replaces.
--
-- While this lasts, nobody gets in. So nothing here waits long: a session that does not end in a second makes the swap
-- fail, everyone is let in again, and it is tried once more.
SELECT :'live' = 'present' AS live_is_there,
       coalesce((SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = :'name'), '') AS own,
       coalesce((SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = :'side'), '') AS of_side
\gset
SELECT CASE WHEN :'of_side' ~ '^pgkeep kept: ' THEN substr(:'of_side', strpos(:'of_side' || E'\n', E'\n') + 1)
            ELSE :'own' END AS comes,
       -- The first second that none has yet, so that it is always known which one is the newest.
       (SELECT format('pgkeep kept: %s %s %s', :'successor', min(stamp), :'name')
          FROM (SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC' + make_interval(secs => later), 'YYYYMMDD_HH24MISS') AS stamp
                  FROM generate_series(0, 60) AS later) AS stamps
         WHERE stamp NOT IN (SELECT split_part(shobj_description(oid, 'pg_database'), ' ', 4) FROM pg_database
                              WHERE shobj_description(oid, 'pg_database') ~ '^pgkeep kept: '))
         || CASE WHEN :'own' = '' THEN '' ELSE E'\n' || :'own' END AS goes
\gset
\if :live_is_there
ALTER DATABASE :"name" ALLOW_CONNECTIONS false;
\endif
\o /dev/null
-- Twice: one that was just coming in when the door was closed is not yet in the list.
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (:'name', :'side') AND usename IS NOT NULL;
SELECT pg_sleep(0.02);
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (:'name', :'side') AND usename IS NOT NULL;
\o
SET statement_timeout = '1s';
BEGIN;
\if :live_is_there
ALTER DATABASE :"name" RENAME TO :"old";
ALTER DATABASE :"old" ALLOW_CONNECTIONS true;
COMMENT ON DATABASE :"old" IS :'goes';
\endif
ALTER DATABASE :"side" RENAME TO :"name";
ALTER DATABASE :"name" ALLOW_CONNECTIONS true;
COMMENT ON DATABASE :"name" IS :'comes';
COMMIT;
