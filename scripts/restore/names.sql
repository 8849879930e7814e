-- Names for the side database and for the one that is put aside. Variables: name, stamp (YYYYMMDD_HHMMSS).
-- Prints one row: side, aside.
\ir ../server/short.sql
SELECT :'short' || '_restore_' || :'stamp', :'short' || '_before_' || :'stamp';
