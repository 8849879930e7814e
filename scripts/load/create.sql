-- Creates the side database with the encoding, locale and owner of the source (of the live database for a legacy file
-- without manifest; the owner also where the backup has none) and marks it, so that a later run knows whose it is.
-- Variables: name, side, backup, manifest_file, restorer (the temporary role; '' for none), hands_over.
-- Where the temporary role hands everything over, or the owner is a superuser, whom it cannot be a member of, the role that
-- runs this owns it until the swap. What executes a dump may make things in it and no more: who owns a database can give
-- it settings, a comment and rights that outlive the swap. Nobody else may connect until then.
-- Prints the OID.
\set manifest {}
SELECT :'manifest_file' <> '' AS has_manifest
\gset
\if :has_manifest
\set manifest `cat :'manifest_file'`
\endif
WITH live AS (
  SELECT * FROM pg_database WHERE datname = :'name'
), source AS (
  SELECT CASE WHEN owners THEN d ->> 'owner' ELSE coalesce((SELECT pg_get_userbyid(datdba) FROM live), current_user) END
           AS owner, d ->> 'encoding' AS encoding, d ->> 'collate' AS "collate", d ->> 'ctype' AS ctype,
         d ->> 'localeProvider' AS provider, d ->> 'locale' AS locale, d ->> 'icuRules' AS rules
    FROM (SELECT :'manifest'::jsonb #> '{facts,database}' AS d,
                 coalesce((:'manifest'::jsonb ->> 'owners')::boolean, true) AS owners) AS manifest
   WHERE d IS NOT NULL
  UNION ALL
  SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype,
         CASE coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END,
         coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'), to_jsonb(d) ->> 'daticurules'
    FROM live AS d
  UNION ALL
  SELECT current_user, NULL, NULL, NULL, 'libc', NULL, NULL
   LIMIT 1
)
SELECT format('CREATE DATABASE %I TEMPLATE template0 OWNER %I', :'side',
              CASE WHEN :'restorer' <> '' AND (:'hands_over' = 'true' OR (SELECT rolsuper FROM pg_roles WHERE rolname = owner))
                   THEN current_user ELSE owner END)
       || coalesce(' ENCODING ' || quote_literal(encoding), '')
       || coalesce(' LC_COLLATE ' || quote_literal("collate"), '')
       || coalesce(' LC_CTYPE ' || quote_literal(ctype), '')
       -- The word came with PostgreSQL 15 (builtin with 17); libc is the default everywhere.
       || CASE WHEN provider = 'libc' THEN '' ELSE ' LOCALE_PROVIDER ' || provider END
       || CASE provider WHEN 'icu' THEN format(' ICU_LOCALE %L', locale)
                        WHEN 'builtin' THEN format(' BUILTIN_LOCALE %L', locale) ELSE '' END
       || coalesce(' ICU_RULES ' || quote_literal(rules), '')
  FROM source
\gexec
SELECT format('COMMENT ON DATABASE %I IS %L', :'side', format('pgkeep restore in progress: %s %s', :'backup', :'name'))
\gexec
-- A role that does not inherit its membership in the owner would keep itself out.
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', datname)
  FROM pg_database WHERE datname = :'side' AND pg_has_role(datdba, 'USAGE')
\gexec
SELECT format('GRANT CREATE, CONNECT, TEMPORARY ON DATABASE %I TO %I', :'side', :'restorer') WHERE :'restorer' <> ''
\gexec
SELECT oid FROM pg_database WHERE datname = :'side';
