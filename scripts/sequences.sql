-- The positions of all sequences as one line of JSON: an array of {schema, name, cycle, increment, lastValue, isCalled}
-- by schema and name. No variables; runs inside a transaction, which may be a read-only one, or without.
--
-- Sequences are in no snapshot: nextval is never undone, and pg_dump reads each one some time during the dump. So a
-- backup runs this before and after it, and the dump holds something between the two (compare.sql).
SET search_path = pg_catalog;
DO $$
DECLARE
  sequence record;
  at record;
  lines text[] := '{}';
BEGIN
  FOR sequence IN
    SELECT n.nspname, c.relname, s.seqcycle, s.seqincrement
      FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relpersistence <> 't'
       AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
       AND n.nspname !~ '^pg_(toast_)?temp_'
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
     ORDER BY n.nspname, c.relname
  LOOP
    BEGIN
      EXECUTE format('SELECT last_value, is_called FROM %I.%I', sequence.nspname, sequence.relname) INTO at;
      -- Undone at once, and with it the lock: nobody has to wait for a sequence until the end of the dump.
      RAISE SQLSTATE 'PGK00';
    EXCEPTION WHEN SQLSTATE 'PGK00' THEN
              WHEN undefined_table THEN
      SELECT NULL::bigint AS last_value, NULL::boolean AS is_called INTO at;  -- dropped or renamed since the snapshot
    END;
    lines := lines || json_build_object(
      'schema', sequence.nspname,
      'name', sequence.relname,
      'cycle', sequence.seqcycle,
      'increment', sequence.seqincrement,
      'lastValue', at.last_value,
      'isCalled', at.is_called)::text;
  END LOOP;
  PERFORM set_config('pgkeep.sequences', '[' || array_to_string(lines, ',') || ']', false);
END
$$;
SELECT current_setting('pgkeep.sequences');
