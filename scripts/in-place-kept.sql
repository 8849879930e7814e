-- The extensions that a restore in place leaves as they are: those that this role could not make again, and what they
-- need. Part of in-place-plan.sql and in-place-empty.sql; leaves their numbers in the setting pgkeep.kept, as an array.
-- PL/pgSQL stays too: it comes with every database, and is what empties this one.
SELECT set_config('pgkeep.kept', coalesce(array_agg(oid), '{}')::text, false) AS kept
  FROM (WITH RECURSIVE kept AS (
          SELECT e.oid
            FROM pg_extension e
           WHERE e.extname = 'plpgsql'
              OR NOT pg_has_role(e.extowner, 'USAGE')
              OR NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
                 AND NOT EXISTS (SELECT FROM pg_available_extensions a
                                        JOIN pg_available_extension_versions v ON v.name = a.name AND v.version = a.default_version
                                  WHERE a.name = e.extname AND v.trusted)
          UNION
          SELECT d.refobjid
            FROM kept k JOIN pg_depend d ON d.classid = 'pg_extension'::regclass AND d.objid = k.oid
           WHERE d.refclassid = 'pg_extension'::regclass
        ) SELECT oid FROM kept) AS kept
\gset
