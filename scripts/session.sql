-- First in every helper session: a backend that notices within seconds that its client is gone, even in the middle of a
-- long query. From pg_settings, because only PostgreSQL 14 and newer have it.
\o /dev/null
SELECT set_config(name, '2s', false)
  FROM pg_settings
 WHERE name = 'client_connection_check_interval';
\o
