-- In the live database, in one transaction: the new schemas go to the database's owner, the tables in them to the owners
-- they had, who may use the schema. Nobody is granted anything else: the rights of others would come without the policies
-- that limited them. Variables: name (the live database), stamp, manifest_file ('' where the backup knows no owners), role
-- (the temporary role; '' for none), trusted (true: the dump may have a superuser's rights).
--
-- Code of the dump has had the temporary role's rights, so what lies in the schemas is believed only as far as the manifest
-- names it: nothing else changes hands, and nothing that would let code of others run as a superuser. It is looked at
-- after it has changed hands, when nobody can alter it any more.
\set manifest {}
SELECT :'manifest_file' <> '' AS has_manifest
\gset
\if :has_manifest
\set manifest `cat :'manifest_file'`
\endif
\ir names.sql
SELECT set_config('pgkeep.manifest', :'manifest', false) AS manifest, set_config('pgkeep.role', :'role', false) AS role_set,
       set_config('pgkeep.trusted', :'trusted', false) AS trusted_set, pg_get_userbyid(datdba) AS owner
  FROM pg_database WHERE datname = :'name'
\gset
CREATE TEMPORARY TABLE pgkeep_schemas AS
SELECT oid, nspname FROM pg_namespace
 WHERE right(nspname, length(current_setting('pgkeep.suffix'))) = current_setting('pgkeep.suffix')
   AND (:'role' = '' OR nspowner = (SELECT oid FROM pg_roles WHERE rolname = :'role'));
CREATE TEMPORARY TABLE pgkeep_owned AS
WITH facts AS (
  SELECT current_setting('pgkeep.manifest')::jsonb -> 'facts' AS facts
), known AS (
  SELECT t ->> 'schema' AS source, t ->> 'name' AS name FROM facts, jsonb_array_elements(facts -> 'tables') AS t
  UNION
  SELECT s ->> 'schema', s ->> 'name' FROM facts, jsonb_array_elements(facts -> 'sequences') AS s
), others AS (
  SELECT o ->> 0 AS type, o -> 1 ->> 0 AS source, o -> 1 ->> 1 AS name, o ->> 3 AS owner
    FROM facts, jsonb_array_elements(facts #> '{ownership,others}') AS o WHERE o ->> 0 IN ('table', 'sequence')
)
SELECT c.oid, c.relkind, m.oid AS schema,
       CASE WHEN c.relkind = 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS type,
       coalesce((SELECT rolname FROM pg_roles
                  WHERE rolname = coalesce((SELECT o.owner FROM others o
                                             WHERE o.name = c.relname AND :side_name = m.nspname LIMIT 1),
                                           (SELECT facts #>> '{ownership,most}' FROM facts))),
                :'owner') AS owner,
       -- The first manifests had no sequences.
       NOT :'has_manifest'::boolean OR c.relkind = 'S' AND (SELECT NOT facts ? 'sequences' FROM facts)
         OR EXISTS (SELECT FROM known k WHERE k.name = c.relname AND :side_name = m.nspname) AS known
  FROM pgkeep_schemas m JOIN pg_class c ON c.relnamespace = m.oid
 WHERE c.relkind IN ('r', 'p', 'S')
   AND NOT (c.relkind = 'S' AND EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                                           AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')));
SELECT format('ALTER SCHEMA %I OWNER TO %I', nspname, :'owner') FROM pgkeep_schemas
\gexec
SELECT DISTINCT format('GRANT USAGE, CREATE ON SCHEMA %s TO %I', schema::regnamespace, owner)
  FROM pgkeep_owned WHERE owner <> :'owner'
\gexec
SELECT format('ALTER %s %s OWNER TO %I', type, oid::regclass, owner) FROM pgkeep_owned WHERE known
\gexec
-- Types and collations that came along belong to the owner of the database.
SELECT format('ALTER TYPE %s OWNER TO %I', t.oid::regtype, :'owner')
  FROM pg_type t
 WHERE t.typnamespace IN (SELECT oid FROM pgkeep_schemas) AND t.typtype IN ('c', 'd', 'e', 'r')
   AND (t.typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
\gexec
SELECT format('ALTER COLLATION %I.%I OWNER TO %I', s.nspname, c.collname, :'owner')
  FROM pg_collation c JOIN pgkeep_schemas s ON s.oid = c.collnamespace
\gexec
SELECT format('ALTER STATISTICS %I.%I OWNER TO %I', s.nspname, e.stxname, o.owner)
  FROM pg_statistic_ext e JOIN pgkeep_schemas s ON s.oid = e.stxnamespace JOIN pgkeep_owned o ON o.oid = e.stxrelid
\gexec
SELECT DISTINCT format('REVOKE CREATE ON SCHEMA %s FROM %I', schema::regnamespace, owner)
  FROM pgkeep_owned WHERE owner <> :'owner'
\gexec
DO $$
DECLARE
  found text;
BEGIN
  SELECT string_agg(what, ', ') INTO found FROM (
    SELECT 'relation ' || oid::regclass AS what FROM pgkeep_owned WHERE NOT known
    UNION ALL
    SELECT 'relation ' || oid::regclass FROM pg_class
     WHERE relnamespace IN (SELECT oid FROM pgkeep_schemas) AND relkind NOT IN ('r', 'p', 'S', 'i', 'I', 'c', 't')
    UNION ALL
    SELECT 'function ' || oid::regprocedure FROM pg_proc WHERE pronamespace IN (SELECT oid FROM pgkeep_schemas)
       -- But for the constructors of a range.
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_proc'::regclass AND d.objid = pg_proc.oid AND d.deptype = 'i')
    UNION ALL
    SELECT 'trigger ' || quote_ident(tgname) FROM pg_trigger
     WHERE NOT tgisinternal AND tgrelid IN (SELECT oid FROM pgkeep_owned)
    UNION ALL
    SELECT 'rule ' || quote_ident(rulename) FROM pg_rewrite WHERE ev_class IN (SELECT oid FROM pgkeep_owned)
    UNION ALL
    SELECT 'policy ' || quote_ident(polname) FROM pg_policy WHERE polrelid IN (SELECT oid FROM pgkeep_owned)
  ) AS more;
  IF found IS NOT NULL THEN
    RAISE EXCEPTION 'the new schemas hold what the manifest does not name: %', found;
  END IF;

  -- ANALYZE computes the expressions of indexes and statistics as the owner of the table.
  IF current_setting('pgkeep.trusted') <> 'true' THEN
    WITH tables AS (
      SELECT o.oid FROM pgkeep_owned o JOIN pg_roles r ON r.rolname = o.owner WHERE r.rolsuper
    ), pieces AS (
      SELECT 'pg_class'::regclass::oid AS classid, oid AS objid, oid AS relation FROM tables
      UNION SELECT 'pg_class'::regclass, i.indexrelid, t.oid FROM tables t JOIN pg_index i ON i.indrelid = t.oid
      UNION SELECT 'pg_constraint'::regclass, k.oid, t.oid FROM tables t JOIN pg_constraint k ON k.conrelid = t.oid
      UNION SELECT 'pg_attrdef'::regclass, a.oid, t.oid FROM tables t JOIN pg_attrdef a ON a.adrelid = t.oid
      UNION SELECT 'pg_statistic_ext'::regclass, e.oid, t.oid FROM tables t JOIN pg_statistic_ext e ON e.stxrelid = t.oid
      UNION SELECT 'pg_constraint'::regclass, k.oid, t.oid
              FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid JOIN pg_constraint k ON k.contypid = a.atttypid
    ), uses AS (
      SELECT d.refclassid, d.refobjid, p.relation FROM pieces p JOIN pg_depend d USING (classid, objid)
    )
    SELECT string_agg(DISTINCT format('%s calls %s, which belongs to %I', u.relation::regclass, f.oid::regprocedure,
                                      r.rolname), '; ') INTO found
      FROM uses u
           JOIN pg_proc f ON u.refclassid = 'pg_proc'::regclass AND f.oid = u.refobjid
                OR u.refclassid = 'pg_operator'::regclass
                   AND f.oid = (SELECT oprcode FROM pg_operator WHERE oid = u.refobjid)
                OR u.refclassid = 'pg_opclass'::regclass
                   AND f.oid IN (SELECT amproc FROM pg_amproc m JOIN pg_opclass c ON c.opcfamily = m.amprocfamily
                                  WHERE c.oid = u.refobjid)
           JOIN pg_roles r ON r.oid = f.proowner
     WHERE NOT r.rolsuper;
    IF found IS NOT NULL THEN
      RAISE EXCEPTION 'a table of a superuser would call code of others with its rights: %', found;
    END IF;
  END IF;
END
$$;
DROP TABLE pgkeep_owned, pgkeep_schemas;
-- Whatever else it has made, and what it was granted.
SELECT format('DROP OWNED BY %I', rolname) FROM pg_roles WHERE rolname = :'role'
\gexec
