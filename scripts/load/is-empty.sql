-- Is nothing in the connected database but what CREATE DATABASE has made? No variables.
SELECT NOT EXISTS (SELECT FROM pg_class WHERE oid >= 16384)
   AND NOT EXISTS (SELECT FROM pg_proc WHERE oid >= 16384)
   AND NOT EXISTS (SELECT FROM pg_namespace WHERE oid >= 16384)
   AND NOT EXISTS (SELECT FROM pg_largeobject_metadata);
