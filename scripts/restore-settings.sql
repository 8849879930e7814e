-- Carries what belongs to the live database as such over to the side database: settings, settings of roles in it,
-- connection limit, rights. pg_restore does not bring these, and the swap must not lose them.
-- Variables: name, side. (The comment marks the side database until the swap and moves then.)
SELECT format('ALTER DATABASE %I CONNECTION LIMIT %s', :'side', datconnlimit)
  FROM pg_database WHERE datname = :'name' AND datconnlimit <> -1
\gexec

-- A list such as search_path is stored as quoted names: set here as it is and taken over from the session, because no
-- literal gives the same. Everything else is one literal.
SELECT CASE WHEN setting.key IN ('search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries')
            THEN format('DO %L', format('BEGIN PERFORM set_config(%L, %L, true); EXECUTE %L; END', setting.key,
                   setting.value, setting.target || format(' SET %I FROM CURRENT', setting.key)))
            ELSE setting.target || format(' SET %s = %L', name, setting.value) END
  FROM (SELECT CASE WHEN s.setrole = 0 THEN format('ALTER DATABASE %I', :'side')
                    ELSE format('ALTER ROLE %I IN DATABASE %I', pg_get_userbyid(s.setrole), :'side') END AS target,
               split_part(entry, '=', 1) AS key,
               substr(entry, strpos(entry, '=') + 1) AS value,
               (SELECT string_agg(quote_ident(part), '.') FROM unnest(string_to_array(split_part(entry, '=', 1), '.')) AS part)
                 AS name
          FROM pg_db_role_setting s
               JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS entry
         WHERE d.datname = :'name') AS setting
\gexec

SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'side')
  FROM pg_database WHERE datname = :'name' AND datacl IS NOT NULL
\gexec
SELECT format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, :'side',
              CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
              CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM pg_database d, aclexplode(d.datacl) AS a
 WHERE d.datname = :'name'
\gexec
