-- Rows, hashes and positions of listed relations, for facts/compare.sql: the same facts that facts/facts.sql and facts/sequences.sql read of
-- a whole database, with the same hash (facts/contents.sql says what it is made of). In a transaction of the caller's.
-- Variables: list_file (list.sql), facts_file, sequences_file (written), table_hashes (true or false).
\set list `cat :'list_file'`
SELECT set_config('pgkeep.list', :'list', true) AS list, set_config('pgkeep.table_hashes', :'table_hashes', true) AS hashes
\gset
SET LOCAL search_path = pg_catalog;
SET LOCAL standard_conforming_strings = on;
SET LOCAL quote_all_identifiers = off;
SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL TimeZone = 'UTC';
SET LOCAL IntervalStyle = postgres;
SET LOCAL extra_float_digits = 1;
SET LOCAL bytea_output = hex;
SET LOCAL lc_monetary = 'C';
SET LOCAL row_security = off;
SET LOCAL jit = off;
DO $$
DECLARE
  hashing constant boolean := current_setting('pgkeep.table_hashes');
  relation record;
  columns text;
  statement text;
  counted bigint;
  first_sum numeric;
  second_sum numeric;
  at record;
  tables jsonb := '[]';
  sequences jsonb := '[]';
BEGIN
  FOR relation IN
    SELECT c.oid, n.nspname, c.relname, c.relkind
      FROM jsonb_to_recordset(current_setting('pgkeep.list')::jsonb) AS l(schema text, name text)
           JOIN pg_namespace n ON n.nspname = l.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = l.name
     ORDER BY n.nspname, c.relname
  LOOP
    IF relation.relkind = 'S' THEN
      EXECUTE format('SELECT last_value, is_called FROM %I.%I', relation.nspname, relation.relname) INTO at;
      sequences := sequences || jsonb_build_object(
        'schema', relation.nspname, 'name', relation.relname, 'cycle', false,
        'lastValue', at.last_value, 'isCalled', at.is_called, 'lastValueAfter', at.last_value, 'isCalledAfter', at.is_called);
      CONTINUE;
    END IF;
    counted := NULL;
    first_sum := NULL;
    second_sum := NULL;
    IF relation.relkind = 'r' THEN
      statement := 'SELECT count(*), NULL, NULL FROM ONLY %I.%I';
      IF hashing THEN
        SELECT coalesce(string_agg(format('%I', attname), ',' ORDER BY attname COLLATE "C"), '') INTO columns
          FROM pg_attribute WHERE attrelid = relation.oid AND attnum > 0 AND NOT attisdropped;
        statement := format($query$
            SELECT count(*),
                   coalesce(sum(('x' || encode(substr(hash, 1, 8), 'hex'))::bit(64)::bigint), 0),
                   coalesce(sum(('x' || encode(substr(hash, 9, 8), 'hex'))::bit(64)::bigint), 0)
              FROM (SELECT sha256(convert_to(ROW(%s)::text, %L)) AS hash FROM ONLY %%I.%%I OFFSET 0) AS rows
          $query$, replace(columns, '%', '%%'), getdatabaseencoding());
      END IF;
      EXECUTE format(statement, relation.nspname, relation.relname) INTO counted, first_sum, second_sum;
    END IF;
    tables := tables || jsonb_build_object(
      'schema', relation.nspname, 'name', relation.relname,
      'kind', CASE relation.relkind WHEN 'r' THEN 'table' ELSE 'partitioned table' END,
      'rows', counted,
      'hash', CASE WHEN first_sum IS NOT NULL THEN
                encode(sha256(convert_to(format('%s %s %s', counted, first_sum, second_sum), 'UTF8')), 'hex') END);
  END LOOP;
  PERFORM set_config('pgkeep.tables', tables::text, true), set_config('pgkeep.sequences', sequences::text, true);
END
$$;
\o :facts_file
SELECT jsonb_build_object('tables', current_setting('pgkeep.tables')::jsonb,
                          'sequences', current_setting('pgkeep.sequences')::jsonb);
\o :sequences_file
SELECT current_setting('pgkeep.sequences');
\o
