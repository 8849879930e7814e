-- The statements that give a database what database-properties.sql has read. Variables: target (the database they are for),
-- database_properties. Leaves them in psql's variable `statements`, a JSON array: a backup writes them down for a person to
-- read (database.sql), a restore has them executed by \gexec; psql itself never reads any of it from a file.
-- Each value stands in quotes of the server's own making, so nothing in it can be another statement.
WITH given AS (
  SELECT coalesce(nullif(:'database_properties', '')::jsonb, '{}') AS s
), settings AS (
  SELECT CASE WHEN row ->> 0 IS NULL THEN format('ALTER DATABASE %I', :'target')
              ELSE format('ALTER ROLE %I IN DATABASE %I', row ->> 0, :'target') END AS target,
         row ->> 1 AS key, row ->> 2 AS value, place,
         (SELECT string_agg(quote_ident(part), '.') FROM unnest(string_to_array(row ->> 1, '.')) AS part) AS name
    FROM given, jsonb_array_elements(coalesce(s -> 'settings', '[]')) WITH ORDINALITY AS r(row, place)
), statements AS (
  SELECT 1 AS part, 1::bigint AS place,
         format('ALTER DATABASE %I CONNECTION LIMIT %s', :'target', (s ->> 'connectionLimit')::int) AS statement
    FROM given WHERE (s ->> 'connectionLimit')::int >= 0
  UNION ALL
  -- A list such as search_path is stored as quoted names: set here as it is and taken over from the session, because no
  -- literal gives the same. Everything else is one literal.
  SELECT 2, place,
         CASE WHEN key IN ('search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries')
              THEN format('DO %L', format('BEGIN PERFORM set_config(%L, %L, true); EXECUTE %L; END', key, value,
                                          target || format(' SET %I FROM CURRENT', key)))
              ELSE target || format(' SET %s = %L', name, value) END
    FROM settings
  UNION ALL
  SELECT 3, 1, format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'target') FROM given WHERE jsonb_typeof(s -> 'rights') = 'array'
  UNION ALL
  -- The three words there are: a manifest is not believed to hold no other.
  SELECT 4, place, format('GRANT %s ON DATABASE %I TO %s%s', p.name, :'target',
                          CASE WHEN row ->> 0 IS NULL THEN 'PUBLIC' ELSE quote_ident(row ->> 0) END,
                          CASE WHEN (row ->> 2)::boolean THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM given, jsonb_array_elements(CASE jsonb_typeof(s -> 'rights') WHEN 'array' THEN s -> 'rights' ELSE '[]' END)
           WITH ORDINALITY AS r(row, place)
         JOIN (VALUES ('CREATE'), ('CONNECT'), ('TEMPORARY')) AS p(name) ON p.name = row ->> 1
)
SELECT coalesce(jsonb_agg(statement ORDER BY part, place), '[]') AS statements FROM statements
\gset
