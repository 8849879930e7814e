-- A kept database goes. Variables: name (the live database), number (the OID of the kept one, as list.sql lists it). Only
-- while it carries the comment and the name of the swap, and never the live one: the undo takes the comment away when it
-- gives the name back, and who has made another database under the old name since has not this number.
SELECT format('ALTER DATABASE %I IS_TEMPLATE false', datname), format('DROP DATABASE %I WITH (FORCE)', datname)
  FROM pg_database
 WHERE oid = :'number'::oid
   AND datname <> :'name'
   AND datname ~ '_(before|undone)_[0-9]{8}_[0-9]{6}$'
   AND shobj_description(oid, 'pg_database') ~ '^pgkeep kept: '
\gexec
