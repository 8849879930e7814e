-- The statements that put a restored database in the place of the live one, for somebody who may rename databases. Variables:
-- name, live (present or absent), side (the restored one), old (what the live one is called then), successor (the backup).
SELECT statement
  FROM (VALUES
         (1, true, format('ALTER DATABASE %I ALLOW_CONNECTIONS false;', :'name')),
         (2, true, format('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (%L, %L);', :'name', :'side')),
         (3, true, format('BEGIN; ALTER DATABASE %I RENAME TO %I; COMMENT ON DATABASE %2$I IS %L; ALTER DATABASE %I RENAME TO %1$I; COMMIT;',
                          :'name', :'old',
                          format('pgkeep kept: %s %s %s', :'successor', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYYMMDD_HH24MISS'),
                                 :'name')
                            || coalesce(E'\n' || (SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = :'name'), ''),
                          :'side')),
         (4, true, format('ALTER DATABASE %I ALLOW_CONNECTIONS true;', :'old')),
         (5, false, format('ALTER DATABASE %I RENAME TO %I;', :'side', :'name'))
       ) AS s(number, needs_live, statement)
 WHERE needs_live = (:'live' = 'present')
 ORDER BY number;
