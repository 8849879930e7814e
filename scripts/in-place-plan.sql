-- What a restore in place has to know of the live database before it touches anything, as rows `kind, detail, cure`:
--   stop  a reason to refuse     kept  an extension that stays as it is     schema  one that stays because of it
-- Variables: manifest_file ('' for a legacy file), format (directory, plain or legacy), trusted (true: a superuser may
-- execute the dump).
\ir in-place-kept.sql
\set manifest {}
SELECT :'manifest_file' <> '' AS has_manifest
\gset
\if :has_manifest
\set manifest `cat :'manifest_file'`
\endif
WITH facts AS (
  SELECT :'manifest'::jsonb -> 'facts' AS facts
), me AS (
  SELECT rolname, rolsuper FROM pg_roles WHERE rolname = current_user
), kept AS (
  SELECT e.* FROM pg_extension e WHERE e.oid = ANY (current_setting('pgkeep.kept')::oid[]) AND extname <> 'plpgsql'
), kept_schemas AS (
  SELECT n.oid, n.nspname
    FROM pg_namespace n
   WHERE n.oid IN (SELECT extnamespace FROM kept) AND n.nspname NOT IN ('public', 'pg_catalog')
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')
), members AS (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), schemas AS (
  SELECT oid FROM pg_namespace
   WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND nspname !~ '^pg_(toast_)?temp_'
), owned AS (
  SELECT 'pg_namespace'::regclass AS catalog, oid AS object, nspowner AS owner
    -- Before 15 public belongs to the server's first role; it is only emptied.
    FROM pg_namespace WHERE oid IN (SELECT oid FROM schemas) AND nspname <> 'public'
  UNION ALL
  SELECT 'pg_class'::regclass, oid, relowner
    FROM pg_class WHERE relnamespace IN (SELECT oid FROM schemas) AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  UNION ALL SELECT 'pg_proc'::regclass, oid, proowner FROM pg_proc WHERE pronamespace IN (SELECT oid FROM schemas)
  UNION ALL
  SELECT 'pg_type'::regclass, oid, typowner
    FROM pg_type t
   WHERE typnamespace IN (SELECT oid FROM schemas) AND typrelid = 0 AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
  UNION ALL SELECT 'pg_event_trigger'::regclass, oid, evtowner FROM pg_event_trigger
  UNION ALL SELECT 'pg_publication'::regclass, oid, pubowner FROM pg_publication
  UNION ALL SELECT 'pg_foreign_server'::regclass, oid, srvowner FROM pg_foreign_server
  UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid, fdwowner FROM pg_foreign_data_wrapper
  UNION ALL SELECT 'pg_language'::regclass, oid, lanowner FROM pg_language WHERE oid >= 16384
  UNION ALL SELECT 'pg_largeobject'::regclass, oid, lomowner FROM pg_largeobject_metadata
), foreign_objects AS (
  SELECT i.type || ' ' || i.identity AS object, pg_get_userbyid(o.owner) AS owner,
         row_number() OVER (ORDER BY o.catalog, o.object) AS position
    FROM (SELECT * FROM owned o
           WHERE NOT pg_has_role(owner, 'USAGE')
             AND NOT EXISTS (SELECT FROM members m WHERE m.classid = o.catalog AND m.objid = o.object)) AS o,
         pg_identify_object(o.catalog, o.object, 0) AS i
), locks AS (
  -- Dropping locks each object, and so does making it; the table of locks is the whole server's.
  SELECT (SELECT count(*) FROM pg_class WHERE relnamespace IN (SELECT oid FROM schemas))
         + (SELECT count(*) FROM pg_largeobject_metadata)
         + coalesce((facts #>> '{counts,tables}')::bigint * 3 + (facts #>> '{counts,indexes}')::bigint
                    + (facts #>> '{counts,largeObjects}')::bigint, 0) AS needed,
         current_setting('max_locks_per_transaction')::bigint
         * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint) AS there_are
    FROM facts
), wanted_extensions AS (
  SELECT extension ->> 'name' AS name FROM facts, jsonb_array_elements(facts -> 'extensions') AS extension
), answers AS (
  SELECT 1 AS position, 'stop' AS kind,
         format('user "%s" is a superuser, and the session that empties the database has to execute the dump', rolname) AS detail,
         'restore without --in-place; or put the database''s owner into the Secret; or, if you trust everyone who could create '
         || 'objects in that database: --allow-superuser-objects' AS cure
    FROM me WHERE rolsuper AND :'trusted' <> 'true'
  UNION ALL
  SELECT 2, 'stop',
         format('the live database has %s %s, the backup %s', key, coalesce(here, 'none'), coalesce(there, 'none')),
         'a database keeps its encoding and locale: restore without --in-place'
    FROM (SELECT e.key, e.value AS there, to_jsonb(h) ->> e.key AS here
            FROM facts, jsonb_each_text(facts -> 'database') AS e,
                 (SELECT pg_encoding_to_char(encoding) AS encoding, datcollate AS collate, datctype AS ctype,
                         CASE coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END
                           AS "localeProvider",
                         coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale
                    FROM pg_database d WHERE datname = current_database()) AS h
           WHERE e.key IN ('encoding', 'collate', 'ctype', 'localeProvider', 'locale')) AS compared
   WHERE here IS DISTINCT FROM there
  UNION ALL
  SELECT 3, 'stop', format('%s objects in it belong to roles that user "%s" is not a member of: %s', count(*), min(rolname),
                           string_agg(format('%s (%s)', object, owner), ', ' ORDER BY position) FILTER (WHERE position <= 5)
                           || CASE WHEN count(*) > 5 THEN ', …' ELSE '' END),
         'use their owner in the Secret, or as a superuser: '
         || string_agg(DISTINCT format('GRANT %I TO %I', owner, rolname), '; ')
    FROM foreign_objects, me HAVING count(*) > 0
  UNION ALL
  SELECT 4, 'stop', 'it has subscriptions, and those cannot be dropped in a transaction: ' || string_agg(format('%I', subname), ', '),
         'restore without --in-place; or drop them first'
    FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()) HAVING count(*) > 0
  UNION ALL
  SELECT 5, 'stop', format('one transaction would need about %s locks, the server has %s', needed, there_are),
         'restore without --in-place; or raise max_locks_per_transaction and restart the server'
    FROM locks WHERE needed > there_are
  UNION ALL
  SELECT 6, 'stop', 'only a superuser can create the extensions ' || string_agg(format('%I', w.name), ', ' ORDER BY w.name),
         'as a superuser, in that database: ' || string_agg(format('CREATE EXTENSION %I;', w.name), ' ' ORDER BY w.name)
    FROM wanted_extensions w JOIN pg_available_extensions a USING (name), me
   WHERE NOT rolsuper AND w.name <> 'plpgsql' AND w.name NOT IN (SELECT extname FROM kept)
     AND NOT EXISTS (SELECT FROM pg_available_extension_versions v WHERE v.name = w.name AND v.version = a.default_version AND v.trusted)
  HAVING count(*) > 0
  UNION ALL
  -- A list of contents leaves their comments out; a text cannot.
  SELECT 7, 'stop', 'extensions belong to other roles, and a plain backup comments on them: ' || string_agg(format('%I', extname), ', '),
         'as a superuser: make this role a member of their owner, or restore a backup in directory format'
    FROM kept WHERE :'format' = 'plain' AND NOT pg_has_role(extowner, 'USAGE') AND extname IN (SELECT name FROM wanted_extensions)
  HAVING count(*) > 0
  UNION ALL
  SELECT 7, 'stop', 'extensions that only a superuser can make are in schemas that a plain backup makes anew: '
                    || string_agg(format('%I', nspname), ', '), 'restore without --in-place; or restore a backup in directory format'
    FROM kept_schemas WHERE :'format' <> 'directory' HAVING count(*) > 0
  UNION ALL
  SELECT 8, 'kept', extname, '' FROM kept
  UNION ALL
  SELECT 8, 'schema', nspname, '' FROM kept_schemas
)
SELECT kind, translate(detail, E'\n\r\t', '   '), translate(cure, E'\n\t', '  ') FROM answers ORDER BY position, detail;
