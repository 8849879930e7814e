-- The end of a restore in place: the facts of what is in the database now are compared with the manifest, and only if they
-- are equal the transaction is committed. Variables: name, closed (true: nobody else gets in), manifest_file ('' for a
-- legacy file), table_hashes, found_file, found_sequences, differences_file.
SELECT pg_catalog.set_config('pgkeep.dump_is_whole', 'yes', false);
-- Whatever is deferred runs now, so that nothing happens between the comparison and the end.
SET CONSTRAINTS ALL IMMEDIATE;
-- Nothing the dump has set or made for this session may answer in place of the catalogues.
RESET SESSION AUTHORIZATION;
RESET ALL;
DEALLOCATE ALL;
DISCARD TEMP;
\o :found_file
\ir facts.sql
\o :found_sequences
\ir sequences.sql
\o /dev/null
SELECT :'manifest_file' <> '' AS has_manifest
\gset
\if :has_manifest
\o :differences_file
\ir compare.sql
\o /dev/null
\set differences `wc -l <:'differences_file'`
SELECT :'differences'::int > 0 AS are_different
\gset
\if :are_different
DO $$ BEGIN RAISE EXCEPTION 'pgkeep: the restored database differs from the manifest'; END $$;
\endif
\endif
-- Open again in the same moment.
\if :closed
ALTER DATABASE :"name" ALLOW_CONNECTIONS true;
\endif
COMMIT;
