-- The temporary role goes, with what it was granted in the connected database and on tablespaces. Variable: role.
-- What it owns elsewhere keeps it: nothing of value is dropped here by mistake, because only the side database, which is
-- gone or handed over by now, was ever its own.
SELECT format('DROP OWNED BY %I', rolname), format('DROP ROLE %I', rolname) FROM pg_roles WHERE rolname = :'role'
\gexec
