-- What guard.sql has made goes. Variable: guard.
SELECT format('DROP EVENT TRIGGER IF EXISTS %I', :'guard'), format('DROP SCHEMA IF EXISTS %I CASCADE', :'guard')
\gexec
