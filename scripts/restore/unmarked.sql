-- Databases with the name of a side database of this one and without our mark: a restore was killed between CREATE DATABASE
-- and COMMENT, so there is nothing in them. Variable: name.
SELECT datname
  FROM pg_database,
       (SELECT split_part(side, '_restore_00000000_', 1) AS short
          FROM (SELECT left(:'name', length) || '_restore_00000000_000000' AS side
                  FROM generate_series(63, 1, -1) AS length
                 WHERE octet_length(left(:'name', length)) <= 63 - length('_restore_YYYYMMDD_HHMMSS')
                 ORDER BY length DESC LIMIT 1) AS longest) AS names
 WHERE datname ~ '_restore_[0-9]{8}_[0-9]{6}$'
   AND left(datname, -length('_restore_YYYYMMDD_HHMMSS')) = short
   AND datname <> :'name'
   AND shobj_description(oid, 'pg_database') IS NULL;
