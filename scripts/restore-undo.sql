-- The statements that undo a restore by hand, and the one that ends the possibility. Variables: name, old, stamp.
SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS false;', :'name')
UNION ALL SELECT format('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (%L, %L);', :'name', :'old')
UNION ALL SELECT format('BEGIN; ALTER DATABASE %1$I RENAME TO %2$I; ALTER DATABASE %3$I RENAME TO %1$I; COMMIT;',
                        :'name', left(:'old', -length('_before_' || :'stamp')) || '_undone_' || :'stamp', :'old')
UNION ALL SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS true;',
                        left(:'old', -length('_before_' || :'stamp')) || '_undone_' || :'stamp')
UNION ALL SELECT format('DROP DATABASE %I;', :'old');
