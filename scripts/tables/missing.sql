-- In the live database: which of the objects that the chosen tables need are not there, as JSON. Only names are looked up.
-- Variable: needs_file (what needs.sql printed).
\set needs `cat :'needs_file'`
SELECT set_config('pgkeep.needs', :'needs', false) AS needs
\gset
DO $$
DECLARE
  need record;
  missing jsonb := '[]';
BEGIN
  FOR need IN
    SELECT * FROM jsonb_to_recordset(current_setting('pgkeep.needs')::jsonb)
                    AS n(classid oid, objid oid, type text, names text[], args text[])
  LOOP
    BEGIN
      PERFORM pg_get_object_address(need.type, need.names, need.args);
    EXCEPTION WHEN OTHERS THEN
      missing := missing || jsonb_build_object('classid', need.classid::text, 'objid', need.objid::text);
    END;
  END LOOP;
  PERFORM set_config('pgkeep.missing', missing::text, false);
END
$$;
SELECT current_setting('pgkeep.missing');
