-- What the role that asks the smoke query may do: what the database's owner may; and read everything, where that is a
-- superuser. Variables: role, name.
SELECT format('GRANT %I TO %I', CASE WHEN rolsuper THEN 'pg_read_all_data' ELSE rolname END, :'role')
  FROM pg_database JOIN pg_roles ON pg_roles.oid = datdba
 WHERE datname = :'name'
\gexec
