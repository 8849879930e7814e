-- The positions of all sequences as one line of JSON: an array of {schema, name, cycle, increment, lastValue, isCalled}
-- by schema and name. Variable: list_file (what sequence-list.sql has found in a snapshot; unset: those that are there now).
-- Runs outside of a transaction.
--
-- Sequences are in no snapshot: nextval is never undone, and pg_dump reads each one some time during the dump. So a
-- backup runs this before and after it, and the dump holds something between the two (compare.sql).
--
-- Each is asked for by its number. By its name it could be something else by now, a view or a table with an index on an
-- expression, which no lock keeps anybody from putting there, and whose code would then run with this session's rights. For
-- a sequence that was not used since it was set the server tells nothing by number: lastValue is null and isCalled false.
-- Both are null where it is not there any more.
SET search_path = pg_catalog;
\if :{?list_file}
\set sequences `cat :'list_file'`
\else
\ir sequence-list.sql
\endif
SELECT set_config('pgkeep.list', :'sequences', false) AS list
\gset
DO $$
DECLARE
  sequence record;
  value bigint;
  called boolean;
  lines text[] := '{}';
BEGIN
  FOR sequence IN
    SELECT * FROM jsonb_to_recordset(current_setting('pgkeep.list')::jsonb)
                    AS s(oid oid, schema text, name text, cycle boolean, increment bigint)
  LOOP
    BEGIN
      value := pg_sequence_last_value(sequence.oid);
      called := value IS NOT NULL;
    EXCEPTION WHEN undefined_table OR undefined_object OR wrong_object_type OR internal_error THEN
      -- Dropped since it was listed.
      value := NULL;
      called := NULL;
    END;
    -- The lock on it ends: nobody has to wait for a sequence, and all of them may be more than a server allows.
    COMMIT;
    lines := lines || json_build_object(
      'schema', sequence.schema,
      'name', sequence.name,
      'cycle', sequence.cycle,
      'increment', sequence.increment,
      'lastValue', value,
      'isCalled', called)::text;
  END LOOP;
  PERFORM set_config('pgkeep.sequences', '[' || array_to_string(lines, ',') || ']', false);
END
$$;
SELECT current_setting('pgkeep.sequences');
