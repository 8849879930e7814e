-- Takes the weakest lock on every table before pg_dump starts, so that no TRUNCATE or ALTER TABLE can come between the
-- snapshot and the counting: those are not undone by a snapshot.
\ir ../facts/objects.sql
WITH :user_objects
SELECT set_config('pgkeep.list', jsonb_agg(name ORDER BY oid)::text, true) AS list FROM relations WHERE relkind IN ('r', 'p')
\gset
DO $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT jsonb_array_elements_text(nullif(current_setting('pgkeep.list'), '')::jsonb) LOOP
    EXECUTE format('LOCK TABLE ONLY %s IN ACCESS SHARE MODE', name);
  END LOOP;
END
$$;
