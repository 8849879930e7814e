-- What is a user's own in the connected database, and so is dumped: not PostgreSQL's, nor what CREATE EXTENSION makes. No
-- variables. Sets psql's variable `user_objects` to the beginning of a query, because a backup's session is read only and
-- cannot make a view: WITH :user_objects, more AS (…) SELECT …
--
--   members                              what extensions have made: classid, objid
--   schemas                              own: whether no extension has made it; it may hold a user's objects all the same
--   relations, routines, types           rows of their catalogues, with a name
--   named_types                          without those that come with another object
--   own                                  all that can have an owner, rights, a comment or a label: catalog, object, name,
--                                        owner, letter (what acldefault calls the kind), acl
SELECT $sql$
members AS (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), schemas AS (
  -- A schema that an extension made may hold objects of others.
  SELECT n.oid, n.nspname, n.nspowner, n.nspacl,
         NOT EXISTS (SELECT FROM members WHERE classid = 'pg_namespace'::regclass AND objid = n.oid) AS own
    FROM pg_namespace n
   WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
     AND n.nspname !~ '^pg_(toast_)?temp_'
), relations AS (
  -- Nor what hangs on an extension's table: pg_dump leaves that out too.
  SELECT c.*, format('%I.%I', s.nspname, c.relname) AS name
    FROM pg_class c JOIN schemas s ON s.oid = c.relnamespace
   WHERE c.relpersistence <> 't'
     AND NOT EXISTS (SELECT FROM members WHERE classid = 'pg_class'::regclass AND objid = c.oid)
     AND NOT EXISTS (SELECT FROM pg_index i JOIN members m ON m.classid = 'pg_class'::regclass AND m.objid = i.indrelid
                      WHERE i.indexrelid = c.oid)
), routines AS (
  SELECT p.*, format('%I.%I(%s)', s.nspname, p.proname,
                     (SELECT string_agg(format_type(type, NULL), ',' ORDER BY place)
                        FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS t(type, place))) AS name
    FROM pg_proc p JOIN schemas s ON s.oid = p.pronamespace
   WHERE NOT EXISTS (SELECT FROM members WHERE classid = 'pg_proc'::regclass AND objid = p.oid)
), types AS (
  SELECT t.*, format('%I.%I', s.nspname, t.typname) AS name
    FROM pg_type t JOIN schemas s ON s.oid = t.typnamespace
   WHERE NOT EXISTS (SELECT FROM members WHERE classid = 'pg_type'::regclass AND objid = t.oid)
), named_types AS (
  -- Without those that come with another object: arrays, rows of tables, multiranges.
  SELECT t.* FROM types t
   WHERE t.typtype IN ('b', 'd', 'e', 'p', 'r') AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
      OR t.typtype = 'c' AND t.typrelid IN (SELECT oid FROM relations WHERE relkind = 'c')
), objects AS (
  SELECT 'pg_namespace'::regclass::oid AS catalog, oid AS object, format('schema %I', nspname) AS name,
         nspowner AS owner, 'n'::"char" AS letter, nspacl AS acl
    FROM schemas
  UNION ALL
  SELECT 'pg_class'::regclass, oid, 'relation ' || name,
         CASE WHEN relkind IN ('r', 'p', 'f', 'v', 'm', 'S') THEN relowner END,
         CASE WHEN relkind = 'S' THEN 's'::"char" WHEN relkind IN ('r', 'p', 'f', 'v', 'm') THEN 'r' END, relacl
    FROM relations
  UNION ALL
  SELECT 'pg_proc'::regclass, oid, 'function ' || name, proowner, 'f', proacl FROM routines
  UNION ALL
  SELECT 'pg_type'::regclass, oid, 'type ' || name, typowner, 'T', typacl FROM named_types
  UNION ALL
  -- Without the shells that the name of a commutator leaves.
  SELECT 'pg_operator'::regclass, o.oid, format('operator %I.%s(%s,%s)', s.nspname, o.oprname,
                                                format_type(o.oprleft, NULL), format_type(o.oprright, NULL)),
         o.oprowner, NULL, NULL
    FROM pg_operator o JOIN schemas s ON s.oid = o.oprnamespace
   WHERE o.oprcode <> 0
  UNION ALL
  SELECT 'pg_opfamily'::regclass, f.oid, format('operator family %I.%I for %s', s.nspname, f.opfname, m.amname),
         f.opfowner, NULL, NULL
    FROM pg_opfamily f JOIN schemas s ON s.oid = f.opfnamespace JOIN pg_am m ON m.oid = f.opfmethod
  UNION ALL
  SELECT 'pg_opclass'::regclass, c.oid, format('operator class %I.%I for %s', s.nspname, c.opcname, m.amname),
         c.opcowner, NULL, NULL
    FROM pg_opclass c JOIN schemas s ON s.oid = c.opcnamespace JOIN pg_am m ON m.oid = c.opcmethod
  UNION ALL
  SELECT 'pg_collation'::regclass, c.oid, format('collation %I.%I', s.nspname, c.collname), c.collowner, NULL, NULL
    FROM pg_collation c JOIN schemas s ON s.oid = c.collnamespace
  UNION ALL
  SELECT 'pg_conversion'::regclass, c.oid, format('conversion %I.%I', s.nspname, c.conname), c.conowner, NULL, NULL
    FROM pg_conversion c JOIN schemas s ON s.oid = c.connamespace
  UNION ALL
  SELECT 'pg_statistic_ext'::regclass, e.oid, format('statistics %I.%I', s.nspname, e.stxname), e.stxowner, NULL, NULL
    FROM pg_statistic_ext e JOIN schemas s ON s.oid = e.stxnamespace
  UNION ALL
  SELECT 'pg_ts_config'::regclass, c.oid, format('text search configuration %I.%I', s.nspname, c.cfgname),
         c.cfgowner, NULL, NULL
    FROM pg_ts_config c JOIN schemas s ON s.oid = c.cfgnamespace
  UNION ALL
  SELECT 'pg_ts_dict'::regclass, d.oid, format('text search dictionary %I.%I', s.nspname, d.dictname),
         d.dictowner, NULL, NULL
    FROM pg_ts_dict d JOIN schemas s ON s.oid = d.dictnamespace
  UNION ALL
  SELECT 'pg_ts_parser'::regclass, p.oid, format('text search parser %I.%I', s.nspname, p.prsname), NULL, NULL, NULL
    FROM pg_ts_parser p JOIN schemas s ON s.oid = p.prsnamespace
  UNION ALL
  SELECT 'pg_ts_template'::regclass, t.oid, format('text search template %I.%I', s.nspname, t.tmplname), NULL, NULL, NULL
    FROM pg_ts_template t JOIN schemas s ON s.oid = t.tmplnamespace
  UNION ALL
  SELECT 'pg_foreign_data_wrapper'::regclass, oid, format('foreign-data wrapper %I', fdwname), fdwowner, 'F', fdwacl
    FROM pg_foreign_data_wrapper
  UNION ALL
  SELECT 'pg_foreign_server'::regclass, oid, format('server %I', srvname), srvowner, 'S', srvacl FROM pg_foreign_server
  UNION ALL
  SELECT 'pg_language'::regclass, oid, format('language %I', lanname), lanowner, 'l', lanacl
    FROM pg_language WHERE oid >= 16384
  UNION ALL
  SELECT 'pg_publication'::regclass, oid, format('publication %I', pubname), pubowner, NULL, NULL FROM pg_publication
  UNION ALL
  SELECT 'pg_subscription'::regclass, oid, format('subscription %I', subname), subowner, NULL, NULL
    FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  UNION ALL
  SELECT 'pg_event_trigger'::regclass, oid, format('event trigger %I', evtname), evtowner, NULL, NULL
    FROM pg_event_trigger
  UNION ALL
  SELECT 'pg_largeobject'::regclass, oid, format('large object %s', oid), lomowner, 'L', lomacl
    FROM pg_largeobject_metadata
  UNION ALL
  SELECT 'pg_am'::regclass, oid, format('access method %I', amname), NULL, NULL, NULL FROM pg_am WHERE oid >= 16384
  UNION ALL
  SELECT 'pg_cast'::regclass, oid, format('cast %s as %s', format_type(castsource, NULL), format_type(casttarget, NULL)),
         NULL, NULL, NULL
    FROM pg_cast WHERE oid >= 16384
  UNION ALL
  SELECT 'pg_transform'::regclass, t.oid, format('transform of %s for %I', format_type(t.trftype, NULL), l.lanname),
         NULL, NULL, NULL
    FROM pg_transform t JOIN pg_language l ON l.oid = t.trflang
  UNION ALL
  SELECT 'pg_constraint'::regclass, c.oid, format('constraint %I of %s', c.conname, coalesce(r.name, t.name)),
         NULL, NULL, NULL
    FROM pg_constraint c LEFT JOIN relations r ON r.oid = c.conrelid LEFT JOIN types t ON t.oid = c.contypid
   WHERE coalesce(r.oid, t.oid) IS NOT NULL
  UNION ALL
  SELECT 'pg_trigger'::regclass, t.oid, format('trigger %I of %s', t.tgname, r.name), NULL, NULL, NULL
    FROM pg_trigger t JOIN relations r ON r.oid = t.tgrelid
  UNION ALL
  SELECT 'pg_rewrite'::regclass, w.oid, format('rule %I of %s', w.rulename, r.name), NULL, NULL, NULL
    FROM pg_rewrite w JOIN relations r ON r.oid = w.ev_class
  UNION ALL
  SELECT 'pg_policy'::regclass, p.oid, format('policy %I of %s', p.polname, r.name), NULL, NULL, NULL
    FROM pg_policy p JOIN relations r ON r.oid = p.polrelid
  UNION ALL
  -- Every database has plpgsql from its template, so its comment is in no dump.
  SELECT 'pg_extension'::regclass, oid, format('extension %I', extname), NULL, NULL, NULL
    FROM pg_extension WHERE extname <> 'plpgsql'
), own AS (
  SELECT * FROM objects o
   WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = o.catalog AND m.objid = o.object)
)
$sql$ AS user_objects
\gset
