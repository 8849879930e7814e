-- What an undo has to know before it begins, as rows `kind, detail, cure`: stop (a reason to refuse) or fact (key, value).
-- Variables: name, kept (the database that takes the name).
WITH me AS (
  SELECT oid, rolname, rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user
), ours AS (
  SELECT * FROM pg_database WHERE datname IN (:'name', :'kept')
), stamps AS (
  SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC' + make_interval(secs => later), 'YYYYMMDD_HH24MISS') AS stamp
    FROM generate_series(0, 60) AS later
), answers AS (
  SELECT 'stop' AS kind, format('user "%s" may not rename databases', rolname) AS detail,
         format('as a superuser: ALTER ROLE %I CREATEDB', rolname) AS cure
    FROM me WHERE NOT rolsuper AND NOT rolcreatedb
  UNION ALL
  SELECT 'stop', format('database "%s" belongs to "%s", user "%s" is not a member of that role',
                        datname, pg_get_userbyid(datdba), rolname),
         format('use the owner in the Secret, or as a superuser: GRANT %I TO %I', pg_get_userbyid(datdba), rolname)
    FROM ours, me WHERE NOT pg_has_role(datdba, 'USAGE')
  UNION ALL
  SELECT 'stop', format('"%s" is a template database', datname), format('ALTER DATABASE %I IS_TEMPLATE false', datname)
    FROM ours WHERE datistemplate
  UNION ALL
  SELECT 'stop', format('%s prepared transactions are open in "%s"', count(*), database),
         'COMMIT PREPARED or ROLLBACK PREPARED them: ' || string_agg(quote_literal(gid), ', ')
    FROM pg_prepared_xacts WHERE database IN (:'name', :'kept') GROUP BY database
  UNION ALL
  SELECT 'fact', 'live', CASE WHEN EXISTS (SELECT FROM pg_database WHERE datname = :'name') THEN 'present' ELSE 'absent' END
  UNION ALL
  -- The short name is the kept one's. Two undos in one second must not get the same.
  (SELECT 'fact', 'undone', left(:'kept', -length('_before_YYYYMMDD_HHMMSS')) || '_undone_' || stamp
     FROM stamps
    WHERE left(:'kept', -length('_before_YYYYMMDD_HHMMSS')) || '_undone_' || stamp NOT IN (SELECT datname FROM pg_database)
    ORDER BY stamp LIMIT 1)
)
SELECT kind, translate(detail, E'\n\t', '  '), translate(cure, E'\n\t', '  ') FROM answers;
