-- The statements that undo a swap by hand, and, last, the one that ends the possibility. Variables: name, old (kept).
-- The comments go with the databases, as in swap.sql: by them the next undo and a drop know what is what.
WITH kept AS (
  SELECT coalesce(shobj_description((SELECT oid FROM pg_database WHERE datname = :'name'), 'pg_database'), '') AS live_comment,
         coalesce(shobj_description((SELECT oid FROM pg_database WHERE datname = :'old'), 'pg_database'), '') AS old_comment,
         -- The first second whose name is free: what this run has put aside may bear that of now.
         (SELECT stamp
            FROM generate_series(0, 60) AS later,
                 to_char((clock_timestamp() + later * interval '1 s') AT TIME ZONE 'UTC', 'YYYYMMDD_HH24MISS') AS stamp
           WHERE left(:'old', -length('_before_YYYYMMDD_HHMMSS')) || '_undone_' || stamp NOT IN (SELECT datname FROM pg_database)
           ORDER BY later LIMIT 1) AS stamp
), words AS (
  SELECT left(:'old', -length('_before_YYYYMMDD_HHMMSS')) || '_undone_' || stamp AS undone,
         format('pgkeep kept: undo %s %s', stamp, :'name') || CASE live_comment WHEN '' THEN '' ELSE E'\n' || live_comment END
           AS undone_comment,
         substr(old_comment, strpos(old_comment || E'\n', E'\n') + 1) AS back_comment
    FROM kept
), literals AS (
  -- A comment may have several lines; a statement to be pasted is one.
  SELECT undone,
         'E''' || replace(replace(replace(undone_comment, '\', '\\'), '''', ''''''), E'\n', '\n') || '''' AS undone_comment,
         'E''' || replace(replace(replace(back_comment, '\', '\\'), '''', ''''''), E'\n', '\n') || '''' AS back_comment
    FROM words
)
SELECT format(statement, :'name', undone, :'old', undone_comment, back_comment)
  FROM literals, (VALUES
         (1, 'ALTER DATABASE %1$I ALLOW_CONNECTIONS false;'),
         (2, 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (%1$L, %3$L);'),
         (3, 'BEGIN; ALTER DATABASE %1$I RENAME TO %2$I; ALTER DATABASE %3$I RENAME TO %1$I; COMMENT ON DATABASE %2$I IS %4$s;'
             ' COMMENT ON DATABASE %1$I IS %5$s; COMMIT;'),
         (4, 'ALTER DATABASE %2$I ALLOW_CONNECTIONS true;'),
         (5, 'DROP DATABASE %3$I;')) AS statements(number, statement)
 ORDER BY number;
