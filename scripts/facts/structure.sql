-- How a database is built, as a hash for each kind of object, so that a restore that went wrong names the kind. Part of
-- facts.sql; leaves its answer in psql's variable `structure`.
--
-- Each object is a line of text of one kind, out of what the catalogues say in columns. Deparsed expressions are left out,
-- because a restore may bring `a IN ('x')` back as another text. Columns that only newer servers have are read through
-- to_jsonb.
WITH :user_objects, named AS (
  -- Every relation, for what refers to one.
  SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
), named_collations AS (
  SELECT c.oid, format('%I.%I', n.nspname, c.collname) AS name
    FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
), named_classes AS (
  SELECT c.oid, format('%I.%I', n.nspname, c.opcname) AS name
    FROM pg_opclass c JOIN pg_namespace n ON n.oid = c.opcnamespace
), rights AS (
  -- Who may do what, whoever gave the right: a restore gives it in the owner's name.
  SELECT o.catalog, o.object, o.name, NULL::name AS attribute, a.grantee, a.privilege_type AS privilege,
         bool_or(a.is_grantable) AS grantable
    FROM own o, aclexplode(coalesce(o.acl, acldefault(o.letter, o.owner))) AS a
   WHERE o.letter IS NOT NULL
   GROUP BY o.catalog, o.object, o.name, a.grantee, a.privilege_type
  UNION ALL
  SELECT 'pg_attribute'::regclass, r.oid, r.name, t.attname, a.grantee, a.privilege_type, bool_or(a.is_grantable)
    FROM relations r JOIN pg_attribute t ON t.attrelid = r.oid AND NOT t.attisdropped, aclexplode(t.attacl) AS a
   GROUP BY r.oid, r.name, t.attname, a.grantee, a.privilege_type
  UNION ALL
  SELECT 'pg_default_acl'::regclass, d.oid,
         format('defaults of %I for %s in %I', pg_get_userbyid(d.defaclrole), d.defaclobjtype, coalesce(n.nspname, '')),
         NULL, a.grantee, a.privilege_type, bool_or(a.is_grantable)
    FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace, aclexplode(d.defaclacl) AS a
   GROUP BY d.oid, d.defaclrole, d.defaclobjtype, n.nspname, a.grantee, a.privilege_type
), public AS (
  -- CREATE DATABASE brings this schema, also where the source has dropped it: told only as far as it was changed.
  SELECT s.oid,
         s.nspowner = (SELECT a.grantor FROM aclexplode(i.initprivs) AS a LIMIT 1) AS owner_unchanged,
         ARRAY(SELECT (r.grantee, r.privilege, r.grantable)::text
                 FROM rights r WHERE r.catalog = 'pg_namespace'::regclass AND r.object = s.oid ORDER BY 1)
         = ARRAY(SELECT (a.grantee, a.privilege_type, a.is_grantable)::text FROM aclexplode(i.initprivs) AS a ORDER BY 1)
           AS rights_unchanged
    FROM schemas s JOIN pg_init_privs i ON i.classoid = 'pg_namespace'::regclass AND i.objoid = s.oid
   WHERE s.nspname = 'public'
), lines AS (
  SELECT 'schemas' AS kind, nspname::text AS line FROM schemas WHERE own AND nspname <> 'public'

  UNION ALL
  SELECT CASE WHEN c.relkind IN ('v', 'm') THEN 'views' ELSE 'tables' END,
         ROW(c.name, c.relkind, c.relpersistence, m.amname, c.relrowsecurity, c.relforcerowsecurity, c.relreplident,
             CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END,
             ARRAY(SELECT unnest(c.reloptions) ORDER BY 1),
             ARRAY(SELECT unnest(t.reloptions) ORDER BY 1),
             ARRAY(SELECT n.name FROM pg_inherits i JOIN named n ON n.oid = i.inhparent
                    WHERE i.inhrelid = c.oid ORDER BY i.inhseqno),
             p.partstrat,
             ARRAY(SELECT ROW(a.attname, o.name, l.name)::text
                     FROM unnest(p.partattrs::int2[], p.partclass::oid[], p.partcollation::oid[])
                            WITH ORDINALITY AS k(attribute, class, coll, place)
                          LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attribute
                          LEFT JOIN named_classes o ON o.oid = k.class
                          LEFT JOIN named_collations l ON l.oid = k.coll
                    ORDER BY k.place),
             -- The one expression here: it holds nothing but constants.
             pg_get_expr(c.relpartbound, c.oid),
             s.srvname,
             ARRAY(SELECT unnest(f.ftoptions) ORDER BY 1))::text
    FROM relations c
         LEFT JOIN pg_am m ON m.oid = c.relam
         LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
         LEFT JOIN pg_partitioned_table p ON p.partrelid = c.oid
         LEFT JOIN pg_foreign_table f ON f.ftrelid = c.oid
         LEFT JOIN pg_foreign_server s ON s.oid = f.ftserver
   WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm')

  UNION ALL
  -- A restored child gets its parents' columns first and as they are, whatever ALTER TABLE ONLY had made of them.
  SELECT CASE WHEN c.relkind IN ('v', 'm') THEN 'views' ELSE 'columns' END,
         ROW(c.name, a.attname, format_type(a.atttypid, a.atttypmod), l.name, a.attstattarget,
             -- The server's own notes among them (since 17.12) belong to this one database.
             ARRAY(SELECT entry FROM unnest(a.attoptions) AS entry WHERE entry !~ '^pg_' ORDER BY 1),
             ARRAY(SELECT unnest(a.attfdwoptions) ORDER BY 1),
             CASE WHEN NOT c.is_child THEN row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum) END,
             CASE WHEN c.is_child AND a.attinhcount > 0 THEN 'inherited'
                  ELSE ROW(a.attnotnull, a.atthasdef, a.attidentity, a.attgenerated,
                           CASE WHEN c.relkind IN ('r', 'p') THEN a.attstorage END,
                           CASE WHEN c.relkind IN ('r', 'p') THEN to_jsonb(a) ->> 'attcompression' END)::text END)::text
    FROM (SELECT oid, name, relkind,
                 NOT relispartition AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = r.oid) AS is_child
            FROM relations r WHERE relkind IN ('r', 'p', 'f', 'v', 'm')) AS c
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         LEFT JOIN named_collations l ON l.oid = a.attcollation

  UNION ALL
  -- A partition's share in a foreign key is made anew, under a name that depends on the order.
  SELECT 'constraints',
         ROW(coalesce(r.name, t.name), c.conname, c.contype,
             CASE WHEN c.contype = 'c' AND c.coninhcount > 0 THEN 'inherited'
                  ELSE ROW(c.condeferrable, c.condeferred, c.convalidated, n.name,
                           CASE WHEN c.contype = 'c' THEN c.connoinherit END,
                           c.confupdtype, c.confdeltype, c.confmatchtype,
                           ARRAY(SELECT a.attname FROM unnest(c.conkey) WITH ORDINALITY AS k(attribute, place)
                                   JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attribute
                                  ORDER BY CASE WHEN c.contype = 'c' THEN a.attname END, k.place),
                           ARRAY(SELECT a.attname FROM unnest(c.confkey) WITH ORDINALITY AS k(attribute, place)
                                   JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attribute
                                  ORDER BY k.place),
                           ARRAY(SELECT a.attname
                                   FROM jsonb_array_elements_text(nullif(to_jsonb(c) -> 'confdelsetcols', 'null')) AS k
                                        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k::int
                                  ORDER BY 1),
                           ARRAY(SELECT k.operator::regoperator::text
                                   FROM unnest(c.conexclop) WITH ORDINALITY AS k(operator, place) ORDER BY k.place),
                           to_jsonb(c) ->> 'conperiod', to_jsonb(c) ->> 'conenforced')::text END)::text
    FROM pg_constraint c
         LEFT JOIN relations r ON r.oid = c.conrelid
         LEFT JOIN types t ON t.oid = c.contypid
         LEFT JOIN named n ON n.oid = c.confrelid
   WHERE coalesce(r.oid, t.oid) IS NOT NULL AND c.contype <> 'n' AND NOT (c.contype = 'f' AND c.conparentid <> 0)

  UNION ALL
  SELECT 'indexes',
         ROW(r.name, n.name, m.amname, i.indnkeyatts, i.indisunique, i.indisprimary, i.indisexclusion, i.indimmediate,
             i.indisclustered, i.indisreplident, to_jsonb(i) ->> 'indnullsnotdistinct', i.indpred IS NOT NULL,
             ARRAY(SELECT unnest(r.reloptions) ORDER BY 1),
             (SELECT p.name FROM pg_inherits h JOIN named p ON p.oid = h.inhparent WHERE h.inhrelid = r.oid),
             ARRAY(SELECT ROW(t.attname, o.name, l.name, k.option, a.attstattarget,
                              ARRAY(SELECT entry FROM unnest(a.attoptions) AS entry WHERE entry !~ '^pg_' ORDER BY 1))::text
                     FROM unnest(i.indkey::int2[], i.indclass::oid[], i.indcollation::oid[], i.indoption::int2[])
                            WITH ORDINALITY AS k(attribute, class, coll, option, place)
                          JOIN pg_attribute a ON a.attrelid = i.indexrelid AND a.attnum = k.place
                          LEFT JOIN pg_attribute t ON t.attrelid = i.indrelid AND t.attnum = k.attribute
                          LEFT JOIN named_classes o ON o.oid = k.class
                          LEFT JOIN named_collations l ON l.oid = k.coll
                    ORDER BY k.place))::text
    FROM relations r
         JOIN pg_index i ON i.indexrelid = r.oid
         JOIN named n ON n.oid = i.indrelid
         JOIN pg_am m ON m.oid = r.relam
   WHERE i.indisvalid OR r.relkind = 'I'

  UNION ALL
  SELECT 'sequences',
         ROW(r.name, r.relpersistence, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax,
             s.seqcache, s.seqcycle,
             (SELECT ROW(n.name, a.attname, d.deptype)::text
                FROM pg_depend d JOIN named n ON n.oid = d.refobjid
                     JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
               WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid
                 AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')))::text
    FROM relations r JOIN pg_sequence s ON s.seqrelid = r.oid

  UNION ALL
  SELECT 'functions',
         ROW(p.name, p.prokind, format_type(p.prorettype, NULL), p.proretset, l.lanname, p.provolatile, p.proparallel,
             p.proleakproof, p.proisstrict, p.prosecdef, p.procost, p.prorows, p.pronargdefaults,
             format_type(p.provariadic, NULL), p.prosupport::text, p.proargnames, p.proargmodes,
             ARRAY(SELECT format_type(type, NULL)
                     FROM unnest(p.proallargtypes) WITH ORDINALITY AS k(type, place) ORDER BY place),
             ARRAY(SELECT format_type(type, NULL)
                     FROM unnest(p.protrftypes) WITH ORDINALITY AS k(type, place) ORDER BY place),
             -- Lists of names are quoted and spaced anew on the way.
             ARRAY(SELECT CASE WHEN entry ~ '^(search_path|temp_tablespaces|[a-z]+_preload_libraries)='
                               THEN lower(regexp_replace(entry, '[" ]', '', 'g')) ELSE entry END
                     FROM unnest(p.proconfig) AS entry ORDER BY 1),
             p.prosrc, p.probin, to_jsonb(p) ->> 'prosqlbody' IS NOT NULL,
             (SELECT ROW(a.aggkind, a.aggnumdirectargs, a.aggtransfn::text, a.aggfinalfn::text, a.aggcombinefn::text,
                         a.aggserialfn::text, a.aggdeserialfn::text, a.aggmtransfn::text, a.aggminvtransfn::text,
                         a.aggmfinalfn::text, a.aggfinalextra, a.aggmfinalextra, a.aggfinalmodify, a.aggmfinalmodify,
                         a.aggsortop::regoperator::text, format_type(a.aggtranstype, NULL), a.aggtransspace,
                         format_type(a.aggmtranstype, NULL), a.aggmtransspace, a.agginitval, a.aggminitval)::text
                FROM pg_aggregate a WHERE a.aggfnoid = p.oid))::text
    FROM routines p JOIN pg_language l ON l.oid = p.prolang

  UNION ALL
  SELECT 'types',
         ROW(t.name, t.typtype,
             CASE t.typtype
               WHEN 'e' THEN
                 ARRAY(SELECT e.enumlabel FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)::text
               WHEN 'd' THEN
                 ROW(format_type(t.typbasetype, t.typtypmod), t.typnotnull, l.name, t.typdefault IS NOT NULL)::text
               WHEN 'c' THEN
                 ARRAY(SELECT ROW(a.attname, format_type(a.atttypid, a.atttypmod), k.name)::text
                         FROM pg_attribute a LEFT JOIN named_collations k ON k.oid = a.attcollation
                        WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)::text
               WHEN 'r' THEN
                 (SELECT ROW(format_type(g.rngsubtype, NULL), o.name, k.name, g.rngcanonical::text, g.rngsubdiff::text,
                             format_type((to_jsonb(g) ->> 'rngmultitypid')::oid, NULL))::text
                    FROM pg_range g
                         LEFT JOIN named_classes o ON o.oid = g.rngsubopc
                         LEFT JOIN named_collations k ON k.oid = g.rngcollation
                   WHERE g.rngtypid = t.oid)
               ELSE
                 ROW(t.typinput::text, t.typoutput::text, t.typreceive::text, t.typsend::text, t.typmodin::text,
                     t.typmodout::text, t.typanalyze::text, to_jsonb(t) ->> 'typsubscript', t.typlen, t.typbyval,
                     t.typalign, t.typstorage, t.typcategory, t.typispreferred, t.typdelim, t.typisdefined,
                     format_type(t.typelem, NULL), l.name, t.typdefault)::text END)::text
    FROM named_types t LEFT JOIN named_collations l ON l.oid = t.typcollation

  UNION ALL
  SELECT 'triggers',
         ROW(r.name, t.tgname, t.tgfoid::regprocedure::text, t.tgtype, t.tgenabled, t.tgdeferrable, t.tginitdeferred,
             n.name, t.tgnargs, t.tgargs, t.tgqual IS NOT NULL, t.tgoldtable, t.tgnewtable,
             ARRAY(SELECT a.attname FROM unnest(t.tgattr::int2[]) AS k
                     JOIN pg_attribute a ON a.attrelid = t.tgrelid AND a.attnum = k ORDER BY 1))::text
    FROM pg_trigger t JOIN relations r ON r.oid = t.tgrelid LEFT JOIN named n ON n.oid = t.tgconstrrelid
   WHERE NOT t.tgisinternal

  UNION ALL
  -- A view is a rule too, but always the same one.
  SELECT 'rules', ROW(r.name, w.rulename, w.ev_type, w.ev_enabled, w.is_instead)::text
    FROM pg_rewrite w JOIN relations r ON r.oid = w.ev_class
   WHERE r.relkind NOT IN ('v', 'm') OR w.rulename <> '_RETURN'

  UNION ALL
  SELECT 'policies',
         ROW(r.name, p.polname, p.polcmd, p.polpermissive, p.polqual IS NOT NULL, p.polwithcheck IS NOT NULL,
             ARRAY(SELECT CASE role WHEN 0 THEN '' ELSE pg_get_userbyid(role) END
                     FROM unnest(p.polroles) AS role ORDER BY 1))::text
    FROM pg_policy p JOIN relations r ON r.oid = p.polrelid

  UNION ALL
  SELECT 'statistics',
         ROW(o.name, n.name, to_jsonb(e) ->> 'stxstattarget', to_jsonb(e) ->> 'stxexprs' IS NOT NULL,
             ARRAY(SELECT unnest(e.stxkind)::text ORDER BY 1),
             ARRAY(SELECT a.attname FROM unnest(e.stxkeys::int2[]) AS k
                     JOIN pg_attribute a ON a.attrelid = e.stxrelid AND a.attnum = k ORDER BY 1))::text
    FROM pg_statistic_ext e
         JOIN own o ON o.catalog = 'pg_statistic_ext'::regclass AND o.object = e.oid
         JOIN named n ON n.oid = e.stxrelid

  UNION ALL
  SELECT 'operators',
         ROW(w.name, format_type(o.oprresult, NULL), o.oprcode::text, o.oprcom::regoperator::text,
             o.oprnegate::regoperator::text, o.oprrest::text, o.oprjoin::text, o.oprcanmerge, o.oprcanhash)::text
    FROM pg_operator o JOIN own w ON w.catalog = 'pg_operator'::regclass AND w.object = o.oid
  UNION ALL
  SELECT 'operators',
         ROW(w.name, f.name, format_type(c.opcintype, NULL), c.opcdefault, format_type(c.opckeytype, NULL))::text
    FROM pg_opclass c JOIN own w ON w.catalog = 'pg_opclass'::regclass AND w.object = c.oid
         JOIN objects f ON f.catalog = 'pg_opfamily'::regclass AND f.object = c.opcfamily
  UNION ALL
  SELECT 'operators', name FROM own WHERE catalog = 'pg_opfamily'::regclass
  UNION ALL
  SELECT 'operators',
         ROW(w.name, a.amopstrategy, format_type(a.amoplefttype, NULL), format_type(a.amoprighttype, NULL),
             a.amopopr::regoperator::text, a.amoppurpose)::text
    FROM pg_amop a JOIN own w ON w.catalog = 'pg_opfamily'::regclass AND w.object = a.amopfamily
  UNION ALL
  SELECT 'operators',
         ROW(w.name, a.amprocnum, format_type(a.amproclefttype, NULL), format_type(a.amprocrighttype, NULL),
             a.amproc::regprocedure::text)::text
    FROM pg_amproc a JOIN own w ON w.catalog = 'pg_opfamily'::regclass AND w.object = a.amprocfamily
  UNION ALL
  SELECT 'operators', ROW(w.name, c.castfunc::regprocedure::text, c.castcontext, c.castmethod)::text
    FROM pg_cast c JOIN own w ON w.catalog = 'pg_cast'::regclass AND w.object = c.oid

  UNION ALL
  SELECT 'collations', ROW(w.name, to_jsonb(c) - '{oid,collname,collnamespace,collowner,collencoding,collversion}'::text[])::text
    FROM pg_collation c JOIN own w ON w.catalog = 'pg_collation'::regclass AND w.object = c.oid
  UNION ALL
  SELECT 'collations',
         ROW(w.name, pg_encoding_to_char(c.conforencoding), pg_encoding_to_char(c.contoencoding), c.conproc::text,
             c.condefault)::text
    FROM pg_conversion c JOIN own w ON w.catalog = 'pg_conversion'::regclass AND w.object = c.oid

  UNION ALL
  SELECT 'textSearch',
         ROW(w.name, p.prsname,
             ARRAY(SELECT ROW(m.maptokentype, m.mapseqno, n.nspname, d.dictname)::text
                     FROM pg_ts_config_map m JOIN pg_ts_dict d ON d.oid = m.mapdict
                          JOIN pg_namespace n ON n.oid = d.dictnamespace
                    WHERE m.mapcfg = c.oid ORDER BY m.maptokentype, m.mapseqno))::text
    FROM pg_ts_config c JOIN own w ON w.catalog = 'pg_ts_config'::regclass AND w.object = c.oid
         JOIN pg_ts_parser p ON p.oid = c.cfgparser
  UNION ALL
  SELECT 'textSearch', ROW(w.name, t.tmplname, d.dictinitoption)::text
    FROM pg_ts_dict d JOIN own w ON w.catalog = 'pg_ts_dict'::regclass AND w.object = d.oid
         JOIN pg_ts_template t ON t.oid = d.dicttemplate
  UNION ALL
  SELECT 'textSearch', name FROM own WHERE catalog IN ('pg_ts_parser'::regclass, 'pg_ts_template'::regclass)

  UNION ALL
  SELECT 'languages',
         ROW(w.name, l.lanpltrusted, l.lanplcallfoid::regproc::text, l.laninline::regproc::text,
             l.lanvalidator::regproc::text)::text
    FROM pg_language l JOIN own w ON w.catalog = 'pg_language'::regclass AND w.object = l.oid
  UNION ALL
  SELECT 'languages', ROW(w.name, t.trffromsql::text, t.trftosql::text)::text
    FROM pg_transform t JOIN own w ON w.catalog = 'pg_transform'::regclass AND w.object = t.oid
  UNION ALL
  SELECT 'accessMethods', ROW(w.name, m.amtype, m.amhandler::text)::text
    FROM pg_am m JOIN own w ON w.catalog = 'pg_am'::regclass AND w.object = m.oid

  UNION ALL
  SELECT 'foreignServers',
         ROW(w.name, f.fdwhandler::regproc::text, f.fdwvalidator::regproc::text,
             ARRAY(SELECT unnest(f.fdwoptions) ORDER BY 1))::text
    FROM pg_foreign_data_wrapper f JOIN own w ON w.catalog = 'pg_foreign_data_wrapper'::regclass AND w.object = f.oid
  UNION ALL
  SELECT 'foreignServers',
         ROW(w.name, f.fdwname, s.srvtype, s.srvversion, ARRAY(SELECT unnest(s.srvoptions) ORDER BY 1))::text
    FROM pg_foreign_server s JOIN own w ON w.catalog = 'pg_foreign_server'::regclass AND w.object = s.oid
         JOIN pg_foreign_data_wrapper f ON f.oid = s.srvfdw
  UNION ALL
  -- The options of these hold passwords, and not every role sees them.
  SELECT 'foreignServers', ROW('user mapping', srvname, usename)::text FROM pg_user_mappings

  UNION ALL
  SELECT 'publications', ROW(w.name, to_jsonb(p) - '{oid,pubname,pubowner}'::text[])::text
    FROM pg_publication p JOIN own w ON w.catalog = 'pg_publication'::regclass AND w.object = p.oid
  UNION ALL
  SELECT 'publications',
         ROW(w.name, n.name, to_jsonb(r) ->> 'prqual' IS NOT NULL,
             ARRAY(SELECT a.attname FROM jsonb_array_elements_text(nullif(to_jsonb(r) -> 'prattrs', 'null')) AS k
                     JOIN pg_attribute a ON a.attrelid = r.prrelid AND a.attnum = k::int ORDER BY 1))::text
    FROM pg_publication_rel r JOIN own w ON w.catalog = 'pg_publication'::regclass AND w.object = r.prpubid
         JOIN named n ON n.oid = r.prrelid
  UNION ALL
  -- Through its dependencies, because pg_publication_namespace came with PostgreSQL 15.
  SELECT 'publications', ROW(w.name, s.nspname)::text
    FROM pg_depend d JOIN own w ON w.catalog = 'pg_publication'::regclass AND w.object = d.refobjid
                               AND d.refclassid = w.catalog
         JOIN pg_depend e ON e.classid = d.classid AND e.objid = d.objid AND e.refclassid = 'pg_namespace'::regclass
         JOIN pg_namespace s ON s.oid = e.refobjid
   WHERE d.classid = to_regclass('pg_publication_namespace')

  UNION ALL
  SELECT 'subscriptions',
         ROW(w.name, s.subslotname, s.subsynccommit, ARRAY(SELECT unnest(s.subpublications) ORDER BY 1))::text
    FROM pg_subscription s JOIN own w ON w.catalog = 'pg_subscription'::regclass AND w.object = s.oid

  UNION ALL
  SELECT 'eventTriggers',
         ROW(w.name, t.evtevent, t.evtfoid::regproc::text, t.evtenabled, ARRAY(SELECT unnest(t.evttags) ORDER BY 1))::text
    FROM pg_event_trigger t JOIN own w ON w.catalog = 'pg_event_trigger'::regclass AND w.object = t.oid

  UNION ALL
  SELECT 'largeObjects', oid::text FROM pg_largeobject_metadata

  UNION ALL
  SELECT 'comments', ROW(w.name, a.attname, d.description)::text
    FROM pg_description d JOIN own w ON w.catalog = d.classoid AND w.object = d.objoid
         LEFT JOIN pg_attribute a ON d.objsubid > 0 AND a.attrelid = d.objoid AND a.attnum = d.objsubid
   WHERE d.description <> 'standard public schema'

  UNION ALL
  SELECT 'securityLabels', ROW(w.name, a.attname, d.provider, d.label)::text
    FROM pg_seclabel d JOIN own w ON w.catalog = d.classoid AND w.object = d.objoid
         LEFT JOIN pg_attribute a ON d.objsubid > 0 AND a.attrelid = d.objoid AND a.attnum = d.objsubid

  UNION ALL
  SELECT 'owners', ROW(name, pg_get_userbyid(owner))::text
    FROM own
   WHERE owner IS NOT NULL
     AND NOT (catalog = 'pg_namespace'::regclass AND object IN (SELECT oid FROM public WHERE owner_unchanged))

  UNION ALL
  SELECT 'privileges',
         ROW(name, attribute, CASE grantee WHEN 0 THEN '' ELSE pg_get_userbyid(grantee) END, privilege, grantable)::text
    FROM rights
   WHERE NOT (catalog = 'pg_namespace'::regclass AND object IN (SELECT oid FROM public WHERE rights_unchanged))
), structure AS (
  -- The hash of a table over the lines of a kind; a kind without a line has the hash of none.
  SELECT kind, encode(sha256(convert_to(format('%s %s %s', count(hash),
           coalesce(sum(('x' || encode(substr(hash, 1, 8), 'hex'))::bit(64)::bigint), 0),
           coalesce(sum(('x' || encode(substr(hash, 9, 8), 'hex'))::bit(64)::bigint), 0)), 'UTF8')), 'hex') AS hash
    FROM (VALUES ('accessMethods'), ('collations'), ('columns'), ('comments'), ('constraints'), ('eventTriggers'),
                 ('foreignServers'), ('functions'), ('indexes'), ('languages'), ('largeObjects'), ('operators'), ('owners'),
                 ('policies'), ('privileges'), ('publications'), ('rules'), ('schemas'), ('securityLabels'), ('sequences'),
                 ('statistics'), ('subscriptions'), ('tables'), ('textSearch'), ('triggers'), ('types'), ('views'))
           AS kinds(kind)
         LEFT JOIN (SELECT kind, sha256(convert_to(line, getdatabaseencoding())) AS hash FROM lines OFFSET 0) AS hashed
           USING (kind)
   GROUP BY kind
)
SELECT json_object_agg(kind, hash ORDER BY kind) AS structure FROM structure
\gset
