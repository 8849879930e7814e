-- In the side database, as a superuser, before the dump is executed. Variables: role (the temporary role), guard (a name).
--
-- Everything there belongs to that role until it is handed over, so code that runs inside of a statement (a check, an index
-- expression, the input of a domain inside of a default) could define anew what somebody else has defined: a default or a view
-- that others will trust. So only statements that come from the client itself may define anything: the trigger looks whether
-- anything stands between it and the client. Nor may anybody else define anything, who came in by whatever way.
-- Roles and databases are outside of such triggers; there the role has no rights.
CREATE SCHEMA :"guard";
SELECT set_config('pgkeep.role', :'role', false) AS role_set, set_config('pgkeep.guard', :'guard', false) AS guard_set
\gset
DO $do$
BEGIN
  EXECUTE format($create$
    CREATE FUNCTION %1$I.refuse() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $refuse$
    DECLARE
      place text;
    BEGIN
      IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = session_user) THEN
        RETURN;
      END IF;
      -- One line for this function itself; each caller adds one.
      GET DIAGNOSTICS place = PG_CONTEXT;
      IF session_user <> %2$L OR pg_catalog.strpos(place, E'\n') > 0 THEN
        RAISE EXCEPTION 'pgkeep: code in the dump may define nothing while it is restored (%%)', tg_tag
          USING ERRCODE = 'insufficient_privilege';
      END IF;
    END $refuse$;
    REVOKE ALL ON FUNCTION %1$I.refuse() FROM PUBLIC;
    CREATE EVENT TRIGGER %1$I ON ddl_command_start EXECUTE FUNCTION %1$I.refuse();
    ALTER EVENT TRIGGER %1$I ENABLE ALWAYS
  $create$, current_setting('pgkeep.guard'), current_setting('pgkeep.role'));
END
$do$;
