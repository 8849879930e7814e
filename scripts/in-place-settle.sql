-- What became of the transaction of a restore in place: committed, aborted, or in progress; one in progress whose client is
-- gone is ended. Variable: xid.
\o /dev/null
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE backend_xid::text::bigint = :'xid'::bigint % 4294967296 AND pid <> pg_backend_pid();
\o
SELECT pg_xact_status(:'xid'::xid8);
