-- Connections to the live database are allowed again, whatever happened. Variable: name.
SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS true', datname)
  FROM pg_database WHERE datname = :'name' AND NOT datallowconn
\gexec
