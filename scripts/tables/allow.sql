-- In the live database, as a superuser: what the temporary role needs to make the tables there, and no more: it may make
-- schemas, and may name the types and functions of the definitions. To call a function it gets no right that everybody
-- has not. Taken back with the role (DROP OWNED). Variables: role, name (the live database), needs_file (what
-- needs.sql printed).
\set needs `cat :'needs_file'`
GRANT CONNECT, CREATE ON DATABASE :"name" TO :"role";
SELECT set_config('pgkeep.needs', :'needs', false) AS needs, set_config('pgkeep.role', :'role', false) AS role_set
\gset
DO $$
DECLARE
  role constant text := current_setting('pgkeep.role');
  need record;
  address record;
  space oid;
BEGIN
  FOR need IN
    SELECT * FROM jsonb_to_recordset(current_setting('pgkeep.needs')::jsonb) AS n(type text, names text[], args text[])
  LOOP
    BEGIN
      SELECT * INTO address FROM pg_get_object_address(need.type, need.names, need.args);
    EXCEPTION WHEN OTHERS THEN
      CONTINUE;  -- it comes along
    END;
    SELECT n.oid INTO space
      FROM pg_identify_object(address.classid, address.objid, 0) AS i JOIN pg_namespace n ON quote_ident(n.nspname) = i.schema;
    IF space IS NOT NULL AND NOT has_schema_privilege(role, space, 'USAGE') THEN
      EXECUTE format('GRANT USAGE ON SCHEMA %s TO %I', space::regnamespace, role);
    END IF;
    IF address.classid = 'pg_type'::regclass AND NOT has_type_privilege(role, address.objid, 'USAGE')
       AND NOT EXISTS (SELECT FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid
                        WHERE t.oid = address.objid AND c.relkind <> 'c') THEN
      EXECUTE format('GRANT USAGE ON TYPE %s TO %I', address.objid::regtype, role);
    END IF;
  END LOOP;
END
$$;
