-- In the live database: takes back what a restore of tables has made there and not handed over. Variables: role (the
-- temporary role; '' for none), stamp. Only schemas of this run that bear our comment go.
SELECT format('DROP OWNED BY %I', rolname) FROM pg_roles WHERE rolname = :'role'
\gexec
SELECT format('DROP SCHEMA %I CASCADE', nspname)
  FROM pg_namespace
 WHERE right(nspname, length('_restored_' || :'stamp')) = '_restored_' || :'stamp'
   AND obj_description(oid, 'pg_namespace') LIKE 'pgkeep: from schema %'
\gexec
