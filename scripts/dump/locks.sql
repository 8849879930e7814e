-- Takes the weakest lock on every table before pg_dump starts, so that no TRUNCATE or ALTER TABLE can come between the
-- snapshot and the counting: those are not undone by a snapshot.
DO $$
DECLARE
  relation record;
BEGIN
  FOR relation IN
    SELECT n.nspname, c.relname
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p')
       AND c.relpersistence <> 't'
       AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
       AND n.nspname !~ '^pg_(toast_)?temp_'
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
     ORDER BY c.oid
  LOOP
    EXECUTE format('LOCK TABLE ONLY %I.%I IN ACCESS SHARE MODE', relation.nspname, relation.relname);
  END LOOP;
END
$$;
