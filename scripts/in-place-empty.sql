-- Opens the transaction of a restore in place and empties the database: what is left is what template0 has, and the
-- extensions that in-place-kept.sql finds. What belongs to the database as such (its settings, rights, comment) stays.
-- Variables: patience (how long to wait for a lock), xid_file, written_file (of before the safety backup), written_now (a
-- file for the word of now).
--
-- Nothing is lost when this session ends at any point before its COMMIT: PostgreSQL keeps every file until then.

-- The database's own settings are for those who use it: with array_nulls off, say, a dump could not be read.
\o /dev/null
SELECT set_config(name, boot_val, false)
  FROM pg_settings
 WHERE source IN ('database', 'database user') AND boot_val IS NOT NULL
   AND (context = 'user' OR context = 'superuser' AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user));
-- Should anything end the transaction early, what comes after it cannot write.
SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY;
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
-- How the outcome is found when the connection dies during COMMIT.
\o :xid_file
SELECT pg_current_xact_id();
\o /dev/null
-- Nobody can be left in it who could hold anything, but for those whose sessions only a superuser may end.
SET LOCAL lock_timeout = :'patience';
SET LOCAL client_min_messages = warning;
SELECT pg_terminate_backend(pid)
  FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid, pg_roles me
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND me.rolname = current_user
   AND (me.rolsuper OR NOT r.rolsuper AND (pg_has_role(r.oid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE')));
SELECT format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', c.oid::regclass)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
\gexec
-- What was written after the safety backup is in no backup. (Before 15 the counters come a little later.)
SELECT pg_sleep(1) WHERE current_setting('server_version_num')::int < 150000;
\o :written_now
\ir in-place-written.sql
\o /dev/null
\set before `cat :'written_file'`
\set now `cat :'written_now'`
SELECT :'before' <> :'now' AS is_written
\gset
\if :is_written
DO $$ BEGIN RAISE EXCEPTION 'pgkeep: the database was written to after its safety backup began'; END $$;
\endif

SELECT 'CREATE EXTENSION plpgsql' WHERE NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'plpgsql')
\gexec
\ir in-place-kept.sql
DO $$
DECLARE
  kept constant oid[] := current_setting('pgkeep.kept')::oid[];
  statement text;
  item record;
BEGIN
  -- They would fire for all that follows.
  FOR statement IN
    SELECT format('DROP EVENT TRIGGER %I CASCADE', evtname)
      FROM pg_event_trigger t
     WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = t.oid AND d.deptype = 'e')
  LOOP EXECUTE statement; END LOOP;

  FOR statement IN SELECT format('DROP PUBLICATION %I', pubname) FROM pg_publication LOOP EXECUTE statement; END LOOP;

  -- Object by object, and each takes along what hangs on it. Tables first: sequences and types may be theirs, and an index
  -- whose operator class has options cannot be dropped after that.
  FOR item IN
    SELECT d.classid, d.objid
      FROM pg_depend d JOIN pg_namespace n ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid
           LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
     WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_(toast_)?temp_'
       AND d.deptype = 'n'
       AND d.classid NOT IN ('pg_extension'::regclass, 'pg_default_acl'::regclass)
       AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classid AND e.objid = d.objid AND e.objsubid = 0
                         AND e.deptype IN ('e', 'i'))
     ORDER BY c.relkind IN ('r', 'p', 'f', 'm') DESC NULLS LAST, c.oid, d.classid, d.objid
  LOOP
    SELECT format('DROP %s %s CASCADE',
                  CASE WHEN i.type IN ('function', 'procedure', 'aggregate') THEN 'routine'
                       WHEN i.type = 'statistics object' THEN 'statistics'
                       WHEN i.type = 'composite type' THEN 'type' ELSE i.type END, i.identity) INTO statement
      FROM pg_identify_object(item.classid, item.objid, 0) AS i
     WHERE i.identity IS NOT NULL
       AND EXISTS (SELECT FROM pg_depend d WHERE d.classid = item.classid AND d.objid = item.objid);
    CONTINUE WHEN statement IS NULL;
    EXECUTE statement;
  END LOOP;
  SELECT 'DROP EXTENSION ' || string_agg(format('%I', extname), ', ') || ' CASCADE' INTO statement
    FROM pg_extension WHERE oid <> ALL (kept);
  IF statement IS NOT NULL THEN EXECUTE statement; END IF;
  -- Schemas are left where an extension that stays is in them, or has made them.
  FOR statement IN
    SELECT format('DROP SCHEMA %I CASCADE', nspname)
      FROM pg_namespace n
     WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'public') AND nspname !~ '^pg_(toast_)?temp_'
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')
       AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_depend e ON e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e'
                        WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid)
       AND n.oid NOT IN (SELECT extnamespace FROM pg_extension)
  LOOP EXECUTE statement; END LOOP;

  -- What lies in no schema, one after the other, because each may take others along.
  LOOP
    SELECT o.classid, o.objid INTO item
      FROM (SELECT 1 AS position, 'pg_transform'::regclass AS classid, oid AS objid FROM pg_transform
            UNION ALL SELECT 2, 'pg_cast'::regclass, oid FROM pg_cast
            UNION ALL SELECT 3, 'pg_foreign_server'::regclass, oid FROM pg_foreign_server
            UNION ALL SELECT 4, 'pg_foreign_data_wrapper'::regclass, oid FROM pg_foreign_data_wrapper
            UNION ALL SELECT 5, 'pg_language'::regclass, oid FROM pg_language
            UNION ALL SELECT 6, 'pg_am'::regclass, oid FROM pg_am) AS o
     WHERE o.objid >= 16384
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.classid AND d.objid = o.objid AND d.deptype = 'e')
     ORDER BY o.position, o.objid LIMIT 1;
    EXIT WHEN NOT FOUND;
    SELECT format('DROP %s %s CASCADE', CASE i.type WHEN 'foreign-data wrapper' THEN 'foreign data wrapper' ELSE i.type END,
                  replace(i.identity, ' on language ', ' language ')) INTO statement
      FROM pg_identify_object(item.classid, item.objid, 0) AS i;
    EXECUTE statement;
  END LOOP;

  PERFORM lo_unlink(oid) FROM pg_largeobject_metadata;

  -- Rights for future objects: each entry back to what it is without one, whereupon the server drops it.
  FOR statement IN
    WITH entries AS (
      SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s', pg_get_userbyid(defaclrole), ' IN SCHEMA ' || quote_ident(n.nspname)) AS head,
             format('ALTER DEFAULT PRIVILEGES FOR ROLE %I', pg_get_userbyid(defaclrole)) AS head_everywhere,
             CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES' WHEN 'T' THEN 'TYPES'
                                WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END AS things,
             CASE WHEN a.defaclnamespace = 0
                  THEN acldefault(CASE defaclobjtype WHEN 'S' THEN 's'::"char" ELSE defaclobjtype END, defaclrole) END AS standard, a.*
        FROM pg_default_acl a LEFT JOIN pg_namespace n ON n.oid = a.defaclnamespace
    ), statements AS (
      SELECT 1 AS position, format('%s REVOKE ALL ON %s FROM %s CASCADE', coalesce(head, head_everywhere), things,
                                   CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END) AS text
        FROM entries, (SELECT DISTINCT entries.oid, grantee FROM entries, aclexplode(defaclacl)) AS g WHERE g.oid = entries.oid
      UNION ALL
      SELECT 2, format('%s GRANT %s ON %s TO %s', head_everywhere, privilege_type, things,
                       CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END)
        FROM entries, aclexplode(standard)
    )
    SELECT text FROM statements ORDER BY position
  LOOP EXECUTE statement; END LOOP;

  -- Rows that users have added to tables of extensions that stay are in the dump.
  FOR item IN
    SELECT c.oid::regclass AS name, condition
      FROM pg_extension e, unnest(e.extconfig, e.extcondition) AS config(oid, condition) JOIN pg_class c ON c.oid = config.oid
     WHERE c.relkind IN ('r', 'p')
  LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM %s %s)', item.name, item.condition) INTO statement;
    IF statement::boolean THEN EXECUTE format('DELETE FROM %s %s', item.name, item.condition); END IF;
  END LOOP;
END $$;

-- Schema public as a new database has it. Its owner, rights and comment are touched only where they differ.
SELECT 'CREATE SCHEMA public' WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'public')
\gexec
SELECT CASE WHEN current_setting('server_version_num')::int >= 150000 THEN 'pg_database_owner' ELSE pg_get_userbyid(10) END AS owner
\gset
SELECT format('ALTER SCHEMA public OWNER TO %I', :'owner') FROM pg_namespace
 WHERE nspname = 'public' AND pg_get_userbyid(nspowner) <> :'owner'
\gexec
SELECT format('REVOKE ALL ON SCHEMA public FROM %s CASCADE',
              CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END)
  FROM (SELECT DISTINCT grantee FROM pg_namespace, aclexplode(nspacl) WHERE nspname = 'public') AS rights
 WHERE EXISTS (SELECT FROM pg_namespace
                WHERE nspname = 'public'
                  AND ARRAY(SELECT (grantee, privilege_type, is_grantable)::text FROM aclexplode(nspacl) ORDER BY 1)
                      <> ARRAY(SELECT (grantee, privilege_type, false)::text
                                 FROM (VALUES (nspowner, 'CREATE'), (nspowner, 'USAGE'), (0::oid, 'USAGE'),
                                              (CASE WHEN current_setting('server_version_num')::int < 150000 THEN 0::oid END, 'CREATE'))
                                        AS standard(grantee, privilege_type)
                                WHERE grantee IS NOT NULL ORDER BY 1))
\gexec
SELECT format('GRANT %s ON SCHEMA public TO %s', rights,
              CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END)
  FROM pg_namespace, (VALUES (false, 'ALL'), (true, CASE WHEN current_setting('server_version_num')::int < 150000 THEN 'ALL' ELSE 'USAGE' END))
                       AS standard(is_public, rights),
       LATERAL (SELECT CASE WHEN is_public THEN 0::oid ELSE nspowner END AS grantee) AS g
 WHERE nspname = 'public'
   AND (nspacl IS NULL OR NOT EXISTS (SELECT FROM aclexplode(nspacl) AS a WHERE a.grantee = g.grantee))
\gexec
SELECT 'COMMENT ON SCHEMA public IS ''standard public schema''' FROM pg_namespace
 WHERE nspname = 'public' AND obj_description(oid, 'pg_namespace') IS DISTINCT FROM 'standard public schema'
\gexec

-- Now it is empty; else the dump would meet something of before.
DO $$
DECLARE
  left_over text;
BEGIN
  SELECT string_agg(i.type || ' ' || i.identity, ', ') INTO left_over
    FROM (SELECT 'pg_class'::regclass AS classid, c.oid AS objid
            FROM pg_class c WHERE c.relkind NOT IN ('t', 'i') AND c.relpersistence <> 't'
          UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc
          UNION ALL SELECT 'pg_type'::regclass, t.oid FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
                     WHERE c.relpersistence IS DISTINCT FROM 't'
                       AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
          UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast
          UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator
          UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace WHERE nspname <> 'public' AND nspname !~ '^pg_(toast_)?temp_'
          UNION ALL SELECT 'pg_publication'::regclass, oid FROM pg_publication
          UNION ALL SELECT 'pg_language'::regclass, oid FROM pg_language
          UNION ALL SELECT 'pg_transform'::regclass, oid FROM pg_transform
          UNION ALL SELECT 'pg_am'::regclass, oid FROM pg_am
          UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid FROM pg_foreign_data_wrapper
          UNION ALL SELECT 'pg_default_acl'::regclass, oid FROM pg_default_acl
          UNION ALL SELECT 'pg_largeobject'::regclass, oid FROM pg_largeobject_metadata) AS o,
         pg_identify_object(o.classid, o.objid, 0) AS i
   WHERE o.objid >= 16384
     -- Of an extension that stays; the types of its tables hang on those.
     AND NOT EXISTS (SELECT FROM pg_depend d
                      WHERE d.classid = o.classid AND d.objid = o.objid
                        AND (d.deptype = 'e'
                             OR d.deptype = 'i' AND EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.refclassid
                                                               AND e.objid = d.refobjid AND e.deptype = 'e')))
     AND NOT EXISTS (SELECT FROM pg_namespace n
                      WHERE o.classid = 'pg_namespace'::regclass AND n.oid = o.objid
                        AND EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = o.classid AND d.refobjid = n.oid));
  IF left_over IS NOT NULL THEN RAISE EXCEPTION 'pgkeep: these could not be dropped: %', left_over; END IF;
END $$;

-- A COMMIT in the middle of the dump would make an unfinished restore final. This makes it fail instead: what is deferred
-- runs before anything is made final.
CREATE FUNCTION pg_temp.pgkeep_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('pgkeep.dump_is_whole', true) IS DISTINCT FROM 'yes' THEN
    RAISE EXCEPTION 'pgkeep: the dump ends the transaction before its end';
  END IF;
  RETURN NULL;
END $$;
CREATE TEMPORARY TABLE pgkeep_guard (here int);
CREATE CONSTRAINT TRIGGER pgkeep_guard AFTER INSERT ON pg_temp.pgkeep_guard DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION pg_temp.pgkeep_guard();
INSERT INTO pg_temp.pgkeep_guard VALUES (1);
