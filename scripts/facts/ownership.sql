-- Who owns what, for a restore that may not act as the owners: it makes everything itself and then hands it over. Part of
-- facts.sql; leaves its answer in psql's variable `ownership`.
--
-- The role that owns most, and each object of the others by the address that pg_get_object_address understands. What has
-- no owner of its own is left out: indexes, rows of tables as types, sequences of columns, what extensions made.
WITH schemas AS (
  SELECT oid FROM pg_namespace
   WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND nspname !~ '^pg_(toast_)?temp_'
), objects AS (
  SELECT 'pg_namespace'::regclass AS catalog, oid AS object, nspowner AS owner
    FROM pg_namespace WHERE oid IN (SELECT oid FROM schemas)
  UNION ALL
  SELECT 'pg_class'::regclass, oid, relowner
    FROM pg_class c
   WHERE relnamespace IN (SELECT oid FROM schemas) AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND relpersistence <> 't'
     AND NOT (relkind = 'S'
              AND EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid
                            AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i')))
  UNION ALL
  SELECT 'pg_type'::regclass, oid, typowner
    FROM pg_type t
   WHERE typnamespace IN (SELECT oid FROM schemas) AND typtype IN ('b', 'c', 'd', 'e', 'p', 'r')
     AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
     AND (typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = typrelid AND relkind = 'c'))
  UNION ALL SELECT 'pg_proc'::regclass, oid, proowner FROM pg_proc WHERE pronamespace IN (SELECT oid FROM schemas)
  UNION ALL
  SELECT 'pg_operator'::regclass, oid, oprowner
    FROM pg_operator WHERE oprnamespace IN (SELECT oid FROM schemas) AND oprcode <> 0
  UNION ALL SELECT 'pg_opfamily'::regclass, oid, opfowner FROM pg_opfamily WHERE opfnamespace IN (SELECT oid FROM schemas)
  UNION ALL SELECT 'pg_opclass'::regclass, oid, opcowner FROM pg_opclass WHERE opcnamespace IN (SELECT oid FROM schemas)
  UNION ALL SELECT 'pg_collation'::regclass, oid, collowner FROM pg_collation WHERE collnamespace IN (SELECT oid FROM schemas)
  UNION ALL SELECT 'pg_conversion'::regclass, oid, conowner FROM pg_conversion WHERE connamespace IN (SELECT oid FROM schemas)
  UNION ALL
  SELECT 'pg_statistic_ext'::regclass, oid, stxowner FROM pg_statistic_ext WHERE stxnamespace IN (SELECT oid FROM schemas)
  UNION ALL SELECT 'pg_ts_config'::regclass, oid, cfgowner FROM pg_ts_config WHERE cfgnamespace IN (SELECT oid FROM schemas)
  UNION ALL SELECT 'pg_ts_dict'::regclass, oid, dictowner FROM pg_ts_dict WHERE dictnamespace IN (SELECT oid FROM schemas)
  UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid, fdwowner FROM pg_foreign_data_wrapper
  UNION ALL SELECT 'pg_foreign_server'::regclass, oid, srvowner FROM pg_foreign_server
  UNION ALL SELECT 'pg_language'::regclass, oid, lanowner FROM pg_language WHERE oid >= 16384
  UNION ALL SELECT 'pg_publication'::regclass, oid, pubowner FROM pg_publication
  UNION ALL SELECT 'pg_event_trigger'::regclass, oid, evtowner FROM pg_event_trigger
  UNION ALL SELECT 'pg_largeobject'::regclass, oid, lomowner FROM pg_largeobject_metadata
), own AS (
  SELECT o.*, pg_get_userbyid(owner) AS role
    FROM objects o
   WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.catalog AND d.objid = o.object AND d.deptype = 'e')
), most AS (
  SELECT coalesce((SELECT role FROM own WHERE role !~ '^pg_' GROUP BY role ORDER BY count(*) DESC, role LIMIT 1),
                  (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database())) AS role
)
SELECT json_build_object(
         'most', most.role,
         'others', (SELECT coalesce(json_agg(json_build_array(a.type, a.object_names, a.object_args, own.role)
                                             ORDER BY own.role, a.type, a.object_names, a.object_args), '[]')
                      FROM own, pg_identify_object_as_address(own.catalog, own.object, 0) AS a
                     WHERE own.role <> most.role
                        -- CREATE DATABASE makes this one, with an owner of its own.
                        OR own.catalog = 'pg_namespace'::regclass AND a.object_names = ARRAY['public'])) AS ownership
  FROM most
\gset
