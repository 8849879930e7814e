-- The rows of every table, with a hash of them where wanted. Sets how values are written until the transaction ends, which is
-- the caller's; without one that is lost. Leaves its answer in the setting pgkeep.tables, as JSON:
-- [{schema, name, kind, rows, hash}].
-- Variables: table_hashes (true or false; unset is false), whether rows are hashed as well as counted; list_file (unset: the
-- whole database), the relations that are meant, as JSON: [{schema, name}].
--
-- Rows are read in a loop, because a query for any number of tables cannot be written in advance; the facts leave the
-- loop through a setting that lives as long as the transaction, which a read-only transaction may have.
--
-- The hash of a table: each row is written as ROW("a","b",…)::text with the columns sorted by name, since a restore may
-- order inherited ones anew; the first two 64-bit pieces of its sha256 are summed over all rows, exactly; the hash is the
-- sha256 of `rows sum sum`. So it depends on neither the order nor the place of rows. A value that changed, moved to
-- another column or another row, a row that is lost, doubled or put in place of another: each alters the sums, by
-- accident unnoticed once in 2^128. It is no proof against somebody who may choose the rows: sums can be solved for.
\if :{?table_hashes}
\else
\set table_hashes false
\endif
SELECT set_config('pgkeep.table_hashes', :'table_hashes'::boolean::text, true) AS table_hashes
\gset
\if :{?list_file}
\set list `cat :'list_file'`
SELECT set_config('pgkeep.list', :'list', true) AS list
\gset
\else
\ir objects.sql
WITH :user_objects
SELECT set_config('pgkeep.list', jsonb_agg(jsonb_build_object('schema', s.nspname, 'name', r.relname))::text, true) AS list
  FROM relations r JOIN schemas s ON s.oid = r.relnamespace
\gset
\endif

-- Whatever the session, the role or the database has set, values become the same text everywhere.
SET LOCAL search_path = pg_catalog;
SET LOCAL standard_conforming_strings = on;
SET LOCAL quote_all_identifiers = off;
SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL TimeZone = 'UTC';
SET LOCAL IntervalStyle = postgres;
SET LOCAL extra_float_digits = 1;
SET LOCAL bytea_output = hex;
SET LOCAL lc_monetary = 'C';
-- A role that may not see every row fails here instead of counting too few.
SET LOCAL row_security = off;
-- Compiling the one large query of structure.sql takes far longer than running it.
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
  lines text[] := '{}';
BEGIN
  FOR relation IN
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence
      FROM jsonb_to_recordset(nullif(current_setting('pgkeep.list'), '')::jsonb) AS l(schema text, name text)
           JOIN pg_namespace n ON n.nspname = l.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = l.name
     WHERE c.relkind IN ('r', 'p', 'm', 'f')
     ORDER BY n.nspname, c.relname
  LOOP
    counted := NULL;
    first_sum := NULL;
    second_sum := NULL;
    -- Partitions are counted one by one; foreign rows are not in the dump; a standby has no unlogged rows, and pg_dump leaves
    -- them out there. A materialized view is computed anew by a restore, and no lock keeps it from becoming something else
    -- before it is read.
    IF relation.relkind = 'r' AND (relation.relpersistence <> 'u' OR NOT pg_is_in_recovery()) THEN
      statement := 'SELECT count(*), NULL, NULL FROM ONLY %I.%I';
      IF hashing THEN
        SELECT coalesce(string_agg(format('%I', attname), ',' ORDER BY attname COLLATE "C"), '') INTO columns
          FROM pg_attribute WHERE attrelid = relation.oid AND attnum > 0 AND NOT attisdropped;
        -- OFFSET 0 keeps the hash from being computed once for each sum.
        statement := format($query$
            SELECT count(*),
                   coalesce(sum(('x' || encode(substr(hash, 1, 8), 'hex'))::bit(64)::bigint), 0),
                   coalesce(sum(('x' || encode(substr(hash, 9, 8), 'hex'))::bit(64)::bigint), 0)
              FROM (SELECT sha256(convert_to(ROW(%s)::text, %L)) AS hash FROM ONLY %%I.%%I OFFSET 0) AS rows
          $query$, replace(columns, '%', '%%'), getdatabaseencoding());
      END IF;
      BEGIN
        EXECUTE format(statement, relation.nspname, relation.relname) INTO counted, first_sum, second_sum;
        -- Undone at once, and with it the locks on the table's indexes, which else add up to more than a server allows.
        RAISE SQLSTATE 'PGK00';
      EXCEPTION WHEN SQLSTATE 'PGK00' THEN
      END;
    END IF;
    lines := lines || json_build_object(
      'schema', relation.nspname,
      'name', relation.relname,
      'kind', CASE relation.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table'
                                    WHEN 'm' THEN 'materialized view' ELSE 'foreign table' END,
      'rows', counted,
      'hash', CASE WHEN first_sum IS NOT NULL THEN
                encode(sha256(convert_to(format('%s %s %s', counted, first_sum, second_sum), 'UTF8')), 'hex') END)::text;
  END LOOP;
  PERFORM set_config('pgkeep.tables', '[' || array_to_string(lines, ',') || ']', true);
END
$$;
