-- The side databases that killed restores of this database left. Variable: name.
\ir ours.sql
SELECT jsonb_array_elements_text(:'ours'::jsonb);
