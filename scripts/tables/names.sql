-- Sets psql's variable side_name: the new schema of what is in schema `source`, as an expression over that column; the same
-- in every database, and at most 63 bytes long. Part of other scripts. Variable: stamp.
SELECT set_config('pgkeep.suffix', '_restored_' || :'stamp', false) AS suffix
\gset
\set short '(SELECT max(left(source, n)) FROM generate_series(1, 31) AS n WHERE octet_length(left(source, n)) <= 31)'
\set hashed 'left(encode(sha256(convert_to(source, \'UTF8\')), \'hex\'), 6)'
\set side_name 'CASE WHEN octet_length(source) <= 38 THEN source ELSE ' :short ' || \'_\' || ' :hashed ' END'
\set side_name '(' :side_name ' || current_setting(\'pgkeep.suffix\'))'
