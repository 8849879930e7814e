-- What a database holds: the rows of every table, with a hash of them where wanted, and its large objects. Part of facts.sql,
-- which sets the values' form and reads what this leaves in the settings pgkeep.tables, pgkeep.large_object_bytes,
-- pgkeep.large_object_hash and pgkeep.system_identifier.
--
-- Rows are read in a loop, because a query for any number of tables cannot be written in advance; the facts leave the
-- loop through a setting that lives as long as the transaction, which a read-only transaction may have.
--
-- The hash of a table: each row is written as ROW("a","b",…)::text with the columns sorted by name, since a restore may
-- order inherited ones anew; the first two 64-bit pieces of its sha256 are summed over all rows, exactly; the hash is the
-- sha256 of `rows sum sum`. So it depends on neither the order nor the place of rows. A value that changed, moved to
-- another column or another row, a row that is lost, doubled or put in place of another: each alters the sums, by
-- accident unnoticed once in 2^128. It is no proof against somebody who may choose the rows: sums can be solved for.
DO $$
DECLARE
  hashing constant boolean := current_setting('pgkeep.table_hashes');
  chunk constant int := 1024 * 1024; -- of a large object: it may have terabytes, a value at most one gigabyte
  relation record;
  columns text;
  statement text;
  counted bigint;
  first_sum numeric;
  second_sum numeric;
  lines text[] := '{}';
  identifier text;
  object oid;
  position bigint;
  part bytea;
  state bytea := '';
  descriptor int;
  object_bytes bigint := 0;
BEGIN
  FOR relation IN
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'm', 'f')
       AND c.relpersistence <> 't'
       AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
       AND n.nspname !~ '^pg_(toast_)?temp_'
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
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
      IF hashing AND relation.relkind = 'r' THEN
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

  -- The end of each large object; its content is not read for that. 262144: for reading; 2: from the end.
  FOR object IN SELECT oid FROM pg_largeobject_metadata LOOP
    descriptor := lo_open(object, 262144);
    object_bytes := object_bytes + lo_lseek64(descriptor, 0, 2);
    PERFORM lo_close(descriptor);
  END LOOP;
  PERFORM set_config('pgkeep.large_object_bytes', object_bytes::text, true);

  -- Large objects have numbers, hence an order: a chain of sha256 over `oid position ` and the bytes there.
  IF hashing THEN
    FOR object IN SELECT oid FROM pg_largeobject_metadata ORDER BY oid LOOP
      position := 0;
      LOOP
        part := lo_get(object, position, chunk);
        EXIT WHEN position > 0 AND length(part) = 0;
        state := sha256(state || convert_to(format('%s %s ', object, position), 'UTF8') || part);
        EXIT WHEN length(part) < chunk;
        position := position + chunk;
      END LOOP;
    END LOOP;
    PERFORM set_config('pgkeep.large_object_hash', encode(sha256(state), 'hex'), true);
  ELSE
    PERFORM set_config('pgkeep.large_object_hash', '', true);
  END IF;

  BEGIN
    SELECT system_identifier::text INTO identifier FROM pg_control_system();
  EXCEPTION WHEN insufficient_privilege THEN
    identifier := NULL;  -- some managed servers take the right away
  END;
  PERFORM set_config('pgkeep.system_identifier', identifier, true);
END
$$;
