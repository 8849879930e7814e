-- Names for the side database and for the old one, at most 63 bytes long whatever the characters are.
-- Variables: name, stamp (YYYYMMDD_HHMMSS). Prints one row: side, old.
WITH short AS (
  SELECT left(:'name', length) AS name
    FROM generate_series(63, 1, -1) AS length
   WHERE octet_length(left(:'name', length)) <= 63 - length('_restore_YYYYMMDD_HHMMSS')
   ORDER BY length DESC LIMIT 1
)
SELECT name || '_restore_' || :'stamp', name || '_before_' || :'stamp' FROM short;
