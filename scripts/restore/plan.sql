-- What a restore has to know before it touches anything, as rows `kind, detail, cure`:
--   stop     a reason to refuse        warning  something to know       fact  key, value
-- Variables: name (the database), manifest_file ('' for a legacy file), into (true: it is a new one), swaps (true: it takes
-- the place of the live one), creates (true: the side database is yet to be made), connections (how many a restore needs), trusted (true: a superuser executes the dump itself).
\ir ../server/grammar.sql
\set manifest {}
SELECT :'manifest_file' <> '' AS has_manifest
\gset
\if :has_manifest
\set manifest `cat :'manifest_file'`
\endif

-- What cannot be asked without an error when the answer is no.
\set ON_ERROR_STOP off
SELECT coalesce(jsonb_typeof(:'manifest'::jsonb #> '{facts,database}') = 'object', false) AS has_facts
\gset
\set unreadable :ERROR
\if :unreadable
\set has_facts false
\endif
\if :has_facts
\else
\set manifest {}
\endif
-- CREATE DATABASE asks the C library whether there is such a locale; so does this, and anybody may.
SELECT coalesce(:'manifest'::jsonb #>> '{facts,database,collate}', 'C') AS "collate",
       coalesce(:'manifest'::jsonb #>> '{facts,database,ctype}', 'C') AS ctype
\gset
SELECT set_config('lc_monetary', :'collate', true) AS ignored
\gset
\set lacks_collate :ERROR
SELECT set_config('lc_monetary', :'ctype', true) AS ignored
\gset
\set lacks_ctype :ERROR
\set ON_ERROR_STOP on

WITH facts AS (
  -- A dump without owners and rights needs none of the roles.
  SELECT :'manifest'::jsonb -> 'facts' AS facts, coalesce((:'manifest'::jsonb ->> 'owners')::boolean, true) AS owners
), source AS (
  SELECT facts #>> '{database,name}' AS name,
         CASE WHEN owners THEN facts #>> '{database,owner}' END AS owner,
         facts #>> '{database,encoding}' AS encoding,
         facts #>> '{database,collate}' AS "collate",
         facts #>> '{database,localeProvider}' AS provider,
         facts #>> '{database,locale}' AS locale,
         facts #>> '{database,collationVersion}' AS version,
         (facts #>> '{database,bytes}')::numeric AS bytes
    FROM facts
), me AS (
  SELECT oid, rolname, rolsuper, rolcreatedb, rolconnlimit FROM pg_roles WHERE rolname = current_user
), sizes AS (
  -- Its size is told to whom a database lets in.
  SELECT datname, shobj_description(oid, 'pg_database') ~ :'aside_mark' AS kept,
         CASE WHEN has_database_privilege(oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'USAGE')
              THEN pg_database_size(oid) END AS bytes
    FROM pg_database
   WHERE datname = :'name' OR shobj_description(oid, 'pg_database') ~ :'aside_mark'
), live AS (
  SELECT * FROM pg_database WHERE datname = :'name'
), replaced AS (
  SELECT * FROM live WHERE :'swaps'::boolean
), wanted_roles AS (
  SELECT DISTINCT role
    FROM (SELECT jsonb_array_elements_text(facts -> 'roles') AS role FROM facts WHERE owners
          UNION SELECT owner FROM source) AS roles
   WHERE role IS NOT NULL AND role !~ '^pg_'
), wanted_extensions AS (
  SELECT extension ->> 'name' AS name, extension ->> 'version' AS version
    FROM facts, jsonb_array_elements(facts -> 'extensions') AS extension
), found_extensions AS (
  -- A superuser makes them beforehand, as they were; what the dump itself makes is of the default version.
  SELECT name, version, default_version, available,
         CASE WHEN version = ANY (available) AND me.rolsuper AND NOT :'trusted'::boolean THEN version
              ELSE default_version END AS installed
    FROM wanted_extensions JOIN pg_available_extensions USING (name), me,
         LATERAL (SELECT array_agg(v.version ORDER BY v.version) AS available
                    FROM pg_available_extension_versions v WHERE v.name = wanted_extensions.name) AS versions
), collation_now AS (
  -- The C library has one version for all its locales; C and POSIX, which never change, have none.
  SELECT CASE provider
           WHEN 'icu' THEN (SELECT pg_collation_actual_version(oid) FROM pg_collation c
                             WHERE collprovider = 'i'
                               AND coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale', collcollate) = locale
                             LIMIT 1)
           WHEN 'libc' THEN (SELECT pg_collation_actual_version(oid) FROM pg_collation
                              WHERE collprovider = 'c' AND pg_collation_actual_version(oid) IS NOT NULL LIMIT 1)
         END AS version
    FROM source WHERE version IS NOT NULL
), connections AS (
  -- Whoever may not see others' sessions still sees whose they are. This one ends before the restore begins.
  -- Those reserved for superusers are of no use to the role that executes the dump.
  SELECT least(limits.most - limits.used, CASE WHEN me.rolconnlimit >= 0 AND NOT me.rolsuper THEN me.rolconnlimit - limits.own END)
           AS free, limits.*, me.rolconnlimit
    FROM me,
         LATERAL (SELECT current_setting('max_connections')::int
                           - CASE WHEN me.rolsuper AND :'trusted'::boolean THEN 0
                                  ELSE current_setting('superuser_reserved_connections')::int
                                       + coalesce(current_setting('reserved_connections', true), '0')::int END AS most,
                         count(*) AS used, count(*) FILTER (WHERE usesysid = me.oid) AS own
                    FROM pg_stat_activity
                   WHERE datid IS NOT NULL AND usesysid IS NOT NULL AND pid <> pg_backend_pid()
                     AND coalesce(backend_type, 'client backend') = 'client backend') AS limits
), answers AS (
  SELECT 'stop' AS kind, 'manifest.json of the backup has no facts that can be read' AS detail,
         'choose another backup (pgkeep list-backups), and report this as a bug of pgkeep: its hash is right' AS cure
   WHERE :'has_manifest'::boolean AND NOT :'has_facts'::boolean
  UNION ALL
  SELECT 'stop',
         format('user "%s" may not create databases', rolname),
         format('as a superuser: ALTER ROLE %I CREATEDB; or let an administrator make an empty database, and: pgkeep run-restore'
                ' --side NAME', rolname)
    FROM me WHERE NOT rolsuper AND NOT rolcreatedb AND :'creates'::boolean
  UNION ALL
  SELECT 'stop', format('database "%s" exists already on the server', datname),
         'RESTORE_INTO makes a new database: choose a name that is free, or leave it empty to restore in the place of the old one'
    FROM live WHERE :'into'::boolean
  UNION ALL
  SELECT 'stop',
         format('database "%s" belongs to "%s", user "%s" is not a member of that role',
                datname, pg_get_userbyid(datdba), rolname),
         format('use the owner in the Secret, or as a superuser: GRANT %I TO %I', pg_get_userbyid(datdba), rolname)
    FROM live, me WHERE NOT rolsuper AND NOT pg_has_role(me.oid, datdba, 'MEMBER')
  UNION ALL
  SELECT 'stop',
         format('the restored database is to belong to "%s", user "%s" is not a member of that role', r.rolname, me.rolname),
         format('use that owner in the Secret, or as a superuser: GRANT %I TO %I', r.rolname, me.rolname)
    FROM source JOIN pg_roles r ON r.rolname = source.owner, me
   WHERE NOT me.rolsuper AND NOT pg_has_role(me.oid, r.oid, CASE WHEN current_setting('server_version_num')::int < 160000
                                                             THEN 'MEMBER' ELSE 'SET' END)
     AND NOT EXISTS (SELECT FROM live WHERE datdba = r.oid) -- said above
  UNION ALL
  SELECT 'stop', 'roles are missing: ' || string_agg(format('%I', role), ', ' ORDER BY role),
         'create them first (globals.sql of the backup has their definitions, without passwords): '
           || string_agg(format('CREATE ROLE %I;', role), ' ' ORDER BY role)
    FROM wanted_roles WHERE role NOT IN (SELECT rolname FROM pg_roles) HAVING count(*) > 0
  UNION ALL
  SELECT 'stop', 'extensions are not installed on the server: ' || string_agg(name, ', ' ORDER BY name),
         'use a server image that has them'
    FROM wanted_extensions WHERE name NOT IN (SELECT name FROM pg_available_extensions) HAVING count(*) > 0
  UNION ALL
  SELECT 'stop',
         format('the backup was taken from PostgreSQL %s, the server is %s',
                facts #>> '{server,version}', current_setting('server_version')),
         'restore into a server of the same or a newer major version'
    FROM facts
   WHERE (facts #>> '{server,versionNumber}')::int / 10000 > current_setting('server_version_num')::int / 10000
  UNION ALL
  SELECT 'stop', format('the server does not know the encoding %s, which the backup has', encoding),
         'restore into a server like the one the backup is of'
    FROM source WHERE pg_char_to_encoding(encoding) < 0
  UNION ALL
  SELECT 'stop', format('the server''s operating system has no locale "%s", which the backup has', locale),
         'use a server image that has it (localedef or the package locales makes it on Debian), then restart the server'
    FROM (SELECT DISTINCT locale FROM (VALUES (:'collate', :'lacks_collate'), (:'ctype', :'lacks_ctype')) AS l(locale, lacking)
           WHERE lacking::boolean) AS missing
  UNION ALL
  SELECT 'stop', format('the backup has the ICU locale "%s", and the server was built without ICU', locale),
         'use a server image with ICU; the official Debian images have it'
    FROM source WHERE provider = 'icu' AND NOT EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i')
  UNION ALL
  SELECT 'stop', format('the server has no builtin locale "%s", which the backup has', locale),
         'restore into a server of the same or a newer major version'
    FROM source
   WHERE provider = 'builtin'
     AND NOT EXISTS (SELECT FROM pg_collation c WHERE collprovider = 'b' AND to_jsonb(c) ->> 'colllocale' = locale)
  UNION ALL
  SELECT 'stop',
         format('the restore needs %s connections, and %s are free: %s', :'connections', greatest(free, 0),
                CASE WHEN free < most - used THEN format('role "%s" may have %s and has %s', me.rolname, c.rolconnlimit, own)
                     ELSE format('the server lets in %s, and %s are used', most, used) END),
         'fewer jobs need fewer (restoreJobs), stopped applications leave theirs; else raise max_connections or the role''s limit'
    FROM connections c, me WHERE free < :'connections'::int
  UNION ALL
  SELECT 'stop', 'it is a template database', format('ALTER DATABASE %I IS_TEMPLATE false', datname)
    FROM replaced WHERE datistemplate
  UNION ALL
  SELECT 'stop', format('%s prepared transactions are open in it', count(*)),
         'COMMIT PREPARED or ROLLBACK PREPARED them: ' || string_agg(quote_literal(gid), ', ')
    FROM pg_prepared_xacts WHERE database IN (SELECT datname FROM replaced) HAVING count(*) > 0
  UNION ALL
  SELECT 'warning',
         format('extension %s was %s, the server installs %s', name, version, installed)
           || CASE WHEN version = ANY (available) THEN ''
                   ELSE format(' and has no %s (it has %s)', version, array_to_string(available, ', ')) END, ''
    FROM found_extensions WHERE version <> installed
  UNION ALL
  SELECT 'warning',
         format('user "%s" may not end the sessions that others have in it now (%s), and the restore has to end them all: stop'
                ' those applications first', me.rolname, others.names), ''
    FROM me, LATERAL (SELECT string_agg(DISTINCT format('%I', r.rolname), ', ') AS names
                        FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
                       WHERE a.datid IN (SELECT oid FROM replaced)
                         AND NOT me.rolsuper
                         AND (r.rolsuper OR NOT pg_has_role(me.oid, r.oid, 'USAGE') AND NOT pg_has_role('pg_signal_backend', 'USAGE'))
                     ) AS others
   WHERE others.names IS NOT NULL
  UNION ALL
  SELECT 'warning', format('the backup is of database "%s"', name), ''
    FROM source WHERE name <> :'name' AND NOT :'into'::boolean
  UNION ALL
  SELECT 'warning',
         format('the database was made with version %s of its collation, the server has %s: texts may be sorted otherwise. The'
                ' restored database gets new indexes and needs no REINDEX; other databases of this server that were made with'
                ' another version do', s.version, n.version), ''
    FROM source s, collation_now n WHERE s.version <> n.version
  UNION ALL
  SELECT 'warning',
         format('logical replication slots of it stay with the old database: %s. Whoever reads them has to be set up anew',
                string_agg(format('%s (%s)', slot_name, CASE WHEN active THEN 'in use' ELSE 'not in use' END), ', '
                           ORDER BY slot_name)), ''
    FROM pg_replication_slots WHERE database IN (SELECT datname FROM replaced) HAVING count(*) > 0
  UNION ALL
  SELECT 'warning',
         format('subscriptions of it stay with the old database and go on receiving there: %s. Disable them before the swap,'
                ' and look after those of the restored database, which come disabled',
                string_agg(format('%I', subname), ', ' ORDER BY subname)), ''
    FROM pg_subscription WHERE subdbid IN (SELECT oid FROM replaced) HAVING count(*) > 0
  UNION ALL
  SELECT 'fact', 'live', CASE WHEN EXISTS (SELECT FROM live) THEN 'present' ELSE 'absent' END
  UNION ALL
  -- Bytes, or "-": of the live database, of the restored one, of WAL on top, of databases that earlier restores kept.
  SELECT 'fact', key, coalesce(round(value)::text, '-')
    FROM source, LATERAL (SELECT (SELECT bytes FROM sizes WHERE datname = :'name') AS live,
                                 (SELECT sum(bytes) FROM sizes WHERE kept AND datname <> :'name') AS kept) AS s,
         LATERAL (VALUES ('live_bytes', s.live),
                         ('kept_bytes', s.kept),
                         ('restored_bytes', source.bytes),
                         ('wal_bytes', pg_size_bytes(current_setting('max_wal_size')))) AS figures(key, value)
)
SELECT kind, translate(detail, E'\n\t', '  '), translate(cure, E'\n\t', '  ') FROM answers;
