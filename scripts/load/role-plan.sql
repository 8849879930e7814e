-- Who the Secret's role is, and whether the manifest says who owns what: a row `true|false, known|unknown`.
-- Variable: manifest_file ('' for a legacy file).
\set manifest {}
SELECT :'manifest_file' <> '' AS has_manifest
\gset
\if :has_manifest
\set manifest `cat :'manifest_file'`
\endif
SELECT rolsuper::text, CASE WHEN :'manifest'::jsonb #> '{facts,ownership}' IS NULL THEN 'unknown' ELSE 'known' END
  FROM pg_roles WHERE rolname = current_user;
