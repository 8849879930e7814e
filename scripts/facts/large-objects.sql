-- The large objects of a database: their bytes, and a hash of all of them where wanted. Part of facts.sql. Leaves its answer
-- in the settings pgkeep.large_object_bytes and pgkeep.large_object_hash (empty: not wanted), until the transaction ends.
-- Whether a hash is wanted, contents.sql has left in the setting pgkeep.table_hashes.
DO $$
DECLARE
  chunk constant int := 1024 * 1024; -- an object may have terabytes, a value at most one gigabyte
  object oid;
  position bigint;
  part bytea;
  state bytea := '';
  descriptor int;
  object_bytes bigint := 0;
BEGIN
  -- The end of each large object; its content is not read for that. 262144: for reading; 2: from the end.
  FOR object IN SELECT oid FROM pg_largeobject_metadata LOOP
    descriptor := lo_open(object, 262144);
    object_bytes := object_bytes + lo_lseek64(descriptor, 0, 2);
    PERFORM lo_close(descriptor);
  END LOOP;
  PERFORM set_config('pgkeep.large_object_bytes', object_bytes::text, true);

  -- Large objects have numbers, hence an order: a chain of sha256 over `oid position ` and the bytes there.
  IF current_setting('pgkeep.table_hashes')::boolean THEN
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
END
$$;
