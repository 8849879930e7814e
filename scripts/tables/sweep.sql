-- In the live database: what the temporary roles of killed restores were granted there, and tables they did not come to
-- hand over. The roles themselves can be dropped after that (restore/leftovers.sql). Variable: name. Prints what it did.
SELECT format('DROP OWNED BY %I', rolname),
       format('SELECT %L', format('took back what role %s had in the live database; its restore was killed', rolname))
  FROM pg_roles
 WHERE rolname ~ '^pgkeep_restore_[0-9]{8}_[0-9]{6}$'
   AND shobj_description(oid, 'pg_authid') = 'pgkeep restore in progress: ' || :'name'
   AND EXISTS (SELECT FROM pg_shdepend
                WHERE refclassid = 'pg_authid'::regclass AND refobjid = pg_roles.oid
                  AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())))
\gexec
