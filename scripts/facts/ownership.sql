-- Who owns what, for a restore that may not act as the owners: it makes everything itself and then hands it over. Part of
-- facts.sql; leaves its answer in psql's variable `ownership`.
--
-- The role that owns most, and each object of the others by the address that pg_get_object_address understands. What has
-- no owner of its own is left out: indexes, rows of tables as types, sequences of columns, what extensions made.
WITH :user_objects, owned AS (
  SELECT *, pg_get_userbyid(owner) AS role
    FROM own
   WHERE owner IS NOT NULL
     -- The one kind with an owner that manifests do not name.
     AND catalog <> 'pg_subscription'::regclass
     AND NOT (catalog = 'pg_class'::regclass
              AND object IN (SELECT d.objid FROM pg_depend d JOIN pg_sequence s ON s.seqrelid = d.objid
                              WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
                                AND d.deptype IN ('a', 'i')))
), most AS (
  SELECT coalesce((SELECT role FROM owned WHERE role !~ '^pg_' GROUP BY role ORDER BY count(*) DESC, role LIMIT 1),
                  (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database())) AS role
)
SELECT json_build_object(
         'most', most.role,
         'others', (SELECT coalesce(json_agg(json_build_array(a.type, a.object_names, a.object_args, owned.role)
                                             ORDER BY owned.role, a.type, a.object_names, a.object_args), '[]')
                      FROM owned, pg_identify_object_as_address(owned.catalog, owned.object, 0) AS a
                     WHERE owned.role <> most.role
                        -- CREATE DATABASE makes this one, with an owner of its own.
                        OR owned.catalog = 'pg_namespace'::regclass AND a.object_names = ARRAY['public'])) AS ownership
  FROM most
\gset
