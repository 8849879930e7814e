-- First in every session of psql_on: a backend that notices when its client is gone. Within seconds where the connection was
-- closed, even in the middle of a long query; within two minutes where it was cut without a word, so that no snapshot is
-- held for hours. Unix sockets know no keepalives and ignore them.
-- A transaction that idles for ten minutes ends too: whoever holds one open says something every few seconds.
-- From pg_settings, because older servers do not have all of them.
\o /dev/null
SELECT set_config(name, value, false)
  FROM pg_settings
       JOIN (VALUES ('client_connection_check_interval', '2s'),
                    ('tcp_keepalives_idle', '30s'),
                    ('tcp_keepalives_interval', '10s'),
                    ('tcp_keepalives_count', '6'),
                    ('tcp_user_timeout', '90s'),
                    ('idle_in_transaction_session_timeout', '10min'),
                    -- What was a table when it was listed may have become a view by the time it is read: then that fails.
                    ('restrict_nonsystem_relation_kind', 'view, foreign-table')) AS wanted(name, value) USING (name);
\o
