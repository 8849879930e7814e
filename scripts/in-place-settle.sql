-- What became of the transaction of a restore in place: committed, aborted, or in progress; one in progress whose client is
-- gone is ended. Variable: xid.
\o /dev/null
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE backend_xid::text::bigint = :'xid'::bigint % 4294967296 AND pid <> pg_backend_pid();
\o
-- After a crash the server may not even know its number any more: then nothing of it was kept.
SELECT CASE WHEN :'xid'::xid8 >= pg_snapshot_xmax(pg_current_snapshot()) THEN 'aborted' ELSE pg_xact_status(:'xid'::xid8) END;
