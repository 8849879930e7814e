-- Takes the subscriptions out of the connected database, which could not be dropped with them. No variables.
-- Without their slot, which stays on the publisher: it is the live database's. The database may forbid writing.
SET default_transaction_read_only = off;
SELECT format('ALTER SUBSCRIPTION %I DISABLE', subname),
       format('ALTER SUBSCRIPTION %I SET (slot_name = NONE)', subname),
       format('DROP SUBSCRIPTION %I', subname)
  FROM pg_subscription
 WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
\gexec
