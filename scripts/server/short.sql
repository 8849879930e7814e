-- As much of a database's name as fits before `_restore_YYYYMMDD_HHMMSS` into 63 bytes, whatever the characters are.
-- Variable: name. Leaves it in psql's variable `short`.
SELECT left(:'name', length) AS short
  FROM generate_series(63, 1, -1) AS length
 WHERE octet_length(left(:'name', length)) <= 63 - length('_restore_YYYYMMDD_HHMMSS')
 ORDER BY length DESC LIMIT 1
\gset
