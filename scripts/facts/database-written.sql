-- The file database.sql of a backup: what belongs to the database as such, as statements for a person to read. No restore
-- executes it; the manifest has the same as rows. Variable: name.
\ir database-properties.sql
\set target :name
\ir database-statements.sql
SELECT statement || ';' FROM jsonb_array_elements_text(:'statements'::jsonb) AS s(statement);
SELECT format('COMMENT ON DATABASE %I IS %L;', :'name', :'database_properties'::jsonb ->> 'comment')
 WHERE :'database_properties'::jsonb ->> 'comment' IS NOT NULL;
