-- Whether a database that an administrator has prepared can be a side database, as rows `kind, detail, cure`: stop, or the fact
-- `renames` (true: this user may swap it with the live one). Asked in another database. Variables: side, name (the live one),
-- manifest_file ('' for a file of the older script).
\set manifest {}
SELECT :'manifest_file' <> '' AS has_manifest
\gset
\if :has_manifest
\set manifest `cat :'manifest_file'`
\endif
WITH me AS (
  SELECT oid, rolname, rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user
), side AS (
  SELECT *, pg_encoding_to_char(encoding) AS encoding_name FROM pg_database WHERE datname = :'side'
), wanted AS (
  SELECT :'manifest'::jsonb #> '{facts,database}' AS d
), answers AS (
  SELECT 'stop' AS kind, format('there is no database "%s"', :'side') AS detail,
         format('as an administrator: CREATE DATABASE %I TEMPLATE template0 OWNER %I', :'side', rolname)
           || coalesce(' ENCODING ' || quote_literal(d ->> 'encoding'), '') || coalesce(' LC_COLLATE ' || quote_literal(d ->> 'collate'), '')
           || coalesce(' LC_CTYPE ' || quote_literal(d ->> 'ctype'), '') AS cure
    FROM me, wanted WHERE NOT EXISTS (SELECT FROM side)
  UNION ALL
  SELECT 'stop', 'it is the database that is to be replaced', 'name another, which is empty' WHERE :'side' = :'name'
  UNION ALL
  SELECT 'stop', 'it belongs to the server itself', 'name another, which is empty'
   WHERE :'side' IN ('postgres', 'template0', 'template1') OR EXISTS (SELECT FROM side WHERE datistemplate)
  UNION ALL
  SELECT 'stop', format('it belongs to "%s", user "%s" is not a member of that role', pg_get_userbyid(datdba), rolname),
         format('as an administrator: ALTER DATABASE %I OWNER TO %I', datname, rolname)
    FROM side, me WHERE NOT me.rolsuper AND NOT pg_has_role(datdba, 'USAGE')
  UNION ALL
  SELECT 'stop', format('its %s is "%s", the backup has "%s"', f.what, f.has, f.wants), 'make it anew with that (TEMPLATE template0)'
    FROM side, wanted, (VALUES (1)) AS one,
         LATERAL (VALUES ('encoding', encoding_name::text, d ->> 'encoding'), ('collation', datcollate::text, d ->> 'collate'),
                         ('character type', datctype::text, d ->> 'ctype')) AS f(what, has, wants)
   WHERE f.wants IS NOT NULL AND f.has <> f.wants
  UNION ALL
  SELECT 'fact', 'renames',
         (me.rolsuper OR me.rolcreatedb AND NOT EXISTS (SELECT FROM pg_database WHERE datname IN (:'side', :'name')
                                                           AND NOT pg_has_role(datdba, 'USAGE')))::text
    FROM me
)
SELECT kind, detail, cure FROM answers;
