-- The side databases that killed restores of this database left. Variable: name.
SELECT datname
  FROM pg_database
 WHERE shobj_description(oid, 'pg_database') ~ '^pgkeep restore in progress: '
   AND regexp_replace(shobj_description(oid, 'pg_database'), '^[^:]*: [^ ]* ', '') = :'name'
   AND datname <> :'name';
