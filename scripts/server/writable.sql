-- Why nothing can be written to this server, as a row `detail, cure`; none when it can. No variables.
SELECT 'it is a standby, which only follows another server', 'set databaseHost to the primary'
 WHERE pg_is_in_recovery()
UNION ALL
SELECT format('default_transaction_read_only is on for user "%s"', current_user),
       'find out who forbids writing and why (a full disk, a switch-over): SHOW default_transaction_read_only; then switch it off'
 WHERE NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only')::boolean;
