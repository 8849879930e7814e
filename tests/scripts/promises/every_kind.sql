-- Every kind of object, property and value that a PostgreSQL database can hold, as far as one can think of: what a backup
-- and a restore must bring back. The dump of the restored database has to equal the dump of this one to the letter.
--
-- Runs in psql, as a superuser, on PostgreSQL 15 and 17, in an empty database named kinds; the roles are made beforehand
-- (kind_owner, kind_app, kind_reader and one with an odd name). Each kind begins with a comment that the test counts.
--
-- Expressions stand here as PostgreSQL itself would write them where its own text is not stable: `varchar IN (…)` changes
-- its form at the first dump and restore. Schema "settling", at the end, is for exactly such things.

SELECT current_setting('server_version_num')::int >= 170000 AS at_least_17
\gset
SET client_min_messages = warning;
SET search_path = pg_catalog;

-- === schemas and extensions ===============================================================================================

-- KIND: schema
CREATE SCHEMA kinds;
-- KIND: schema of another owner
CREATE SCHEMA owned AUTHORIZATION kind_owner;
-- KIND: schema public with another owner, comment and rights
ALTER SCHEMA public OWNER TO kind_owner;
COMMENT ON SCHEMA public IS 'no longer the standard one';
GRANT CREATE ON SCHEMA public TO kind_app;
-- KIND: schema without public usage, with grant option
GRANT USAGE ON SCHEMA kinds TO kind_app WITH GRANT OPTION;
GRANT USAGE ON SCHEMA owned TO PUBLIC;
CREATE SCHEMA extensions;
-- KIND: extension in a schema of its own
CREATE EXTENSION hstore SCHEMA extensions;
-- KIND: extension with operator classes
CREATE EXTENSION btree_gist SCHEMA extensions;
CREATE EXTENSION pg_trgm SCHEMA extensions;
-- KIND: extension with a type of its own
CREATE EXTENSION citext SCHEMA extensions;
-- KIND: extension with functions in C
CREATE EXTENSION pgcrypto SCHEMA extensions;
-- KIND: extension with a text search dictionary
CREATE EXTENSION unaccent SCHEMA extensions;
-- KIND: extension with a foreign data wrapper
CREATE EXTENSION postgres_fdw SCHEMA extensions;
-- KIND: extension of an older version
CREATE EXTENSION pg_stat_statements SCHEMA extensions VERSION '1.9';
-- KIND: extension that is relocated later
CREATE EXTENSION fuzzystrmatch SCHEMA public;
ALTER EXTENSION fuzzystrmatch SET SCHEMA extensions;
-- KIND: comment on an extension
COMMENT ON EXTENSION citext IS 'our own words about it';
-- KIND: rights on an object of an extension
REVOKE EXECUTE ON FUNCTION extensions.hstore(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION extensions.hstore(text, text) TO kind_app;
-- KIND: rights on a system function
REVOKE EXECUTE ON FUNCTION pg_catalog.pg_sleep(double precision) FROM PUBLIC;
-- KIND: rights on columns of a system catalog
GRANT SELECT (rolname) ON pg_catalog.pg_authid TO kind_reader;

-- === types ================================================================================================================

-- KIND: enumeration
CREATE TYPE kinds.mood AS ENUM ('sad', 'ok', 'happy');
-- KIND: enumeration with values added in the middle
ALTER TYPE kinds.mood ADD VALUE 'so-so' BEFORE 'ok';
ALTER TYPE kinds.mood ADD VALUE 'it''s "fine" \ 嬉しい' AFTER 'ok';
ALTER TYPE kinds.mood ADD VALUE 'furious' BEFORE 'sad';
-- KIND: enumeration with a renamed value
ALTER TYPE kinds.mood RENAME VALUE 'happy' TO 'glad';
-- KIND: enumeration without values
CREATE TYPE kinds.nothing AS ENUM ();
-- KIND: composite type
CREATE TYPE kinds.address AS (street text, number integer, "zip code" character varying(10));
COMMENT ON COLUMN kinds.address."zip code" IS 'with a blank';
-- KIND: composite type of composite types and arrays
CREATE TYPE kinds.person AS (name text, homes kinds.address[], feels kinds.mood);
-- KIND: composite type with a collation
CREATE TYPE kinds.sorted AS (word text COLLATE "C");
-- KIND: composite type without attributes
CREATE TYPE kinds.void AS ();
-- KIND: composite type with a dropped attribute
CREATE TYPE kinds.shrunk AS (a integer, b text, c date);
ALTER TYPE kinds.shrunk DROP ATTRIBUTE b;
-- KIND: domain
CREATE DOMAIN kinds.plain AS integer;
-- KIND: domain with default and not null
CREATE DOMAIN kinds.rating AS smallint DEFAULT 3 NOT NULL;
-- KIND: domain with several checks
CREATE DOMAIN kinds.code AS text CONSTRAINT shape CHECK (VALUE ~ '^[A-Z]{2}\d+$') CONSTRAINT length CHECK (length(VALUE) < 9);
COMMENT ON CONSTRAINT shape ON DOMAIN kinds.code IS 'two letters, then digits';
-- KIND: domain with a check that is not valid
ALTER DOMAIN kinds.plain ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID;
-- KIND: domain over a domain
CREATE DOMAIN kinds.short_code AS kinds.code CHECK (length(VALUE) < 5);
-- KIND: domain over an array
CREATE DOMAIN kinds.pair AS integer[] CHECK (array_length(VALUE, 1) = 2);
-- KIND: domain over a composite type
CREATE DOMAIN kinds.numbered AS kinds.address CHECK ((VALUE).number > 0);
-- KIND: domain with a collation
CREATE DOMAIN kinds.bytewise AS text COLLATE "C";
-- KIND: range type
CREATE TYPE kinds.floats AS RANGE (subtype = double precision, subtype_diff = float8mi);
-- KIND: range type with a named multirange
CREATE TYPE kinds.times AS RANGE (subtype = time, multirange_type_name = kinds.many_times);
-- KIND: range type with a collation and an operator class
CREATE TYPE kinds.words AS RANGE (subtype = text, collation = "C", subtype_opclass = text_pattern_ops);
-- KIND: shell type
CREATE TYPE kinds.unfinished;
-- KIND: base type
CREATE TYPE kinds.label;
CREATE FUNCTION kinds.label_in(cstring) RETURNS kinds.label IMMUTABLE STRICT LANGUAGE internal AS 'textin';
CREATE FUNCTION kinds.label_out(kinds.label) RETURNS cstring IMMUTABLE STRICT LANGUAGE internal AS 'textout';
CREATE FUNCTION kinds.label_receive(internal) RETURNS kinds.label STABLE STRICT LANGUAGE internal AS 'textrecv';
CREATE FUNCTION kinds.label_send(kinds.label) RETURNS bytea STABLE STRICT LANGUAGE internal AS 'textsend';
CREATE TYPE kinds.label (
  INPUT = kinds.label_in, OUTPUT = kinds.label_out, RECEIVE = kinds.label_receive, SEND = kinds.label_send, LIKE = text,
  CATEGORY = 'S', DEFAULT = 'none', DELIMITER = ';', COLLATABLE = true
);
-- KIND: base type with a fixed length
CREATE TYPE kinds.cents;
CREATE FUNCTION kinds.cents_in(cstring) RETURNS kinds.cents IMMUTABLE STRICT LANGUAGE internal AS 'int8in';
CREATE FUNCTION kinds.cents_out(kinds.cents) RETURNS cstring IMMUTABLE STRICT LANGUAGE internal AS 'int8out';
CREATE TYPE kinds.cents (INPUT = kinds.cents_in, OUTPUT = kinds.cents_out, INTERNALLENGTH = 8, PASSEDBYVALUE, ALIGNMENT = double);
-- KIND: cast without function
CREATE CAST (kinds.cents AS bigint) WITHOUT FUNCTION AS IMPLICIT;
-- KIND: cast with a function
CREATE FUNCTION kinds.text_of(kinds.mood) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT length($1::text)';
CREATE CAST (kinds.mood AS integer) WITH FUNCTION kinds.text_of(kinds.mood) AS ASSIGNMENT;
-- KIND: cast through text
CREATE CAST (kinds.label AS kinds.address) WITH INOUT;
COMMENT ON CAST (kinds.label AS kinds.address) IS 'by way of text';
-- KIND: type of another owner with rights
ALTER TYPE kinds.address OWNER TO kind_owner;
REVOKE USAGE ON TYPE kinds.mood FROM PUBLIC;
GRANT USAGE ON TYPE kinds.mood TO kind_app WITH GRANT OPTION;
GRANT USAGE ON DOMAIN kinds.code TO kind_reader;
-- KIND: comment on a type and a domain
COMMENT ON TYPE kinds.mood IS 'how one feels';
COMMENT ON DOMAIN kinds.code IS 'two letters and digits';

-- === languages, functions, procedures =====================================================================================

-- KIND: language
CREATE FUNCTION kinds.handler() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE FUNCTION kinds.inline(internal) RETURNS void STRICT LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_inline_handler';
CREATE FUNCTION kinds.validator(oid) RETURNS void STRICT LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_validator';
CREATE TRUSTED LANGUAGE plkinds HANDLER kinds.handler INLINE kinds.inline VALIDATOR kinds.validator;
COMMENT ON LANGUAGE plkinds IS 'PL/pgSQL under another name';
-- KIND: rights on a language
REVOKE USAGE ON LANGUAGE plkinds FROM PUBLIC;
GRANT USAGE ON LANGUAGE plkinds TO kind_owner;
-- KIND: function in a language of our own
CREATE FUNCTION kinds.in_plkinds() RETURNS integer LANGUAGE plkinds AS $$ BEGIN RETURN 1; END $$;
-- KIND: function in SQL
CREATE FUNCTION kinds.double(i integer) RETURNS integer IMMUTABLE PARALLEL SAFE STRICT LEAKPROOF COST 3 LANGUAGE sql
  AS 'SELECT $1 * 2';
-- KIND: function with an SQL-standard body
CREATE FUNCTION kinds.half(i numeric DEFAULT 2) RETURNS numeric IMMUTABLE LANGUAGE sql RETURN i / 2;
-- KIND: function with a block of SQL
CREATE FUNCTION kinds.block(a integer, b text) RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT a::text || b; END;
-- KIND: function in PL/pgSQL with every kind of quote
CREATE FUNCTION kinds.quotes() RETURNS text LANGUAGE plpgsql AS $odd$
BEGIN
  -- $$ and $_$ and 'quotes' and "names" and \backslashes and	tabs
  RETURN $_$a '$$' b \n$_$ || E'\t\\';
END
$odd$;
-- KIND: function with security definer and settings
CREATE FUNCTION kinds.trusted() RETURNS text SECURITY DEFINER SET search_path = kinds, "$user", pg_temp SET work_mem = '7MB'
  SET "my.own" TO 'a, b' STABLE LANGUAGE sql AS 'SELECT current_user::text';
ALTER FUNCTION kinds.trusted() OWNER TO kind_owner;
-- KIND: function with a setting taken from the session
SET statement_timeout = '77s';
CREATE FUNCTION kinds.from_current() RETURNS integer SET statement_timeout FROM CURRENT LANGUAGE sql AS 'SELECT 1';
RESET statement_timeout;
-- KIND: function with default arguments
CREATE FUNCTION kinds.defaults(a integer, b text DEFAULT 'it''s', c date DEFAULT CURRENT_DATE, d integer[] DEFAULT '{1,2}')
  RETURNS text LANGUAGE sql AS 'SELECT b';
-- KIND: function with variadic arguments
CREATE FUNCTION kinds.longest(VARIADIC words text[]) RETURNS text LANGUAGE sql
  AS 'SELECT word FROM unnest(words) AS word ORDER BY length(word) DESC LIMIT 1';
-- KIND: function with polymorphic arguments
CREATE FUNCTION kinds.either(anycompatible, anycompatible, anycompatiblearray) RETURNS anycompatible LANGUAGE sql AS 'SELECT $1';
-- KIND: function with output arguments
CREATE FUNCTION kinds.divide(IN a integer, INOUT b integer, OUT rest integer) LANGUAGE plpgsql
  AS 'BEGIN rest := a % b; b := a / b; END';
-- KIND: function that returns a table
CREATE FUNCTION kinds.numbers(n integer) RETURNS TABLE (number integer, "its name" text) ROWS 17 LANGUAGE sql
  AS 'SELECT i, i::text FROM generate_series(1, n) AS i';
-- KIND: function that returns a set of a composite type
CREATE FUNCTION kinds.addresses() RETURNS SETOF kinds.address LANGUAGE sql AS 'SELECT ROW(''x'', 1, ''z'')::kinds.address';
-- KIND: window function
CREATE FUNCTION kinds.place() RETURNS bigint WINDOW IMMUTABLE LANGUAGE internal AS 'window_row_number';
-- KIND: overloaded functions
CREATE FUNCTION kinds.double(i text) RETURNS text LANGUAGE sql AS 'SELECT $1 || $1';
-- KIND: function with a support function
CREATE FUNCTION kinds.counted(integer, integer) RETURNS SETOF integer IMMUTABLE STRICT LANGUAGE internal ROWS 1000
  SUPPORT generate_series_int4_support AS 'generate_series_int4';
-- KIND: function that uses a transform
CREATE TRANSFORM FOR integer LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal), TO SQL WITH FUNCTION int4recv(internal));
COMMENT ON TRANSFORM FOR integer LANGUAGE sql IS 'never called';
CREATE FUNCTION kinds.transformed(integer) RETURNS integer TRANSFORM FOR TYPE integer LANGUAGE sql AS 'SELECT $1';
-- KIND: transform of a language of our own
CREATE TRANSFORM FOR kinds.cents LANGUAGE plkinds (FROM SQL WITH FUNCTION prsd_lextype(internal));
-- KIND: procedure
CREATE PROCEDURE kinds.note(INOUT text, integer DEFAULT 1) LANGUAGE plpgsql AS 'BEGIN COMMIT; END';
-- KIND: procedure with an SQL-standard body and an output argument
CREATE PROCEDURE kinds.twice(IN a integer, OUT b integer) LANGUAGE sql BEGIN ATOMIC SELECT a * 2; END;
COMMENT ON PROCEDURE kinds.twice(integer) IS 'OUT does not count in its signature';
-- KIND: rights on functions and procedures
REVOKE ALL ON FUNCTION kinds.trusted() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kinds.trusted() TO kind_app WITH GRANT OPTION;
SET ROLE kind_app;
GRANT EXECUTE ON FUNCTION kinds.trusted() TO kind_reader;
RESET ROLE;
REVOKE ALL ON PROCEDURE kinds.note(text, integer) FROM PUBLIC;
-- KIND: comment on a function
COMMENT ON FUNCTION kinds.double(integer) IS E'a line\nanother line\twith a tab';

-- === aggregates and operators =============================================================================================

-- KIND: aggregate
CREATE AGGREGATE kinds.total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0');
-- KIND: aggregate with parallel and moving forms
CREATE AGGREGATE kinds.sum_of(numeric) (
  SFUNC = numeric_add, STYPE = numeric, COMBINEFUNC = numeric_add, PARALLEL = safe, INITCOND = '0',
  MSFUNC = numeric_add, MINVFUNC = numeric_sub, MSTYPE = numeric, MINITCOND = '0'
);
-- KIND: aggregate with a sort operator
CREATE AGGREGATE kinds.least(integer) (SFUNC = int4smaller, STYPE = integer, SORTOP = <);
-- KIND: aggregate with several and variadic arguments
CREATE FUNCTION kinds.append(state text, VARIADIC more text[]) RETURNS text IMMUTABLE LANGUAGE sql
  AS 'SELECT state || array_to_string(more, '''')';
CREATE AGGREGATE kinds.appended(VARIADIC text[]) (SFUNC = kinds.append, STYPE = text, INITCOND = '');
-- KIND: ordered-set aggregate
CREATE AGGREGATE kinds.percentile(double precision ORDER BY double precision) (
  SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA
);
-- KIND: hypothetical-set aggregate
CREATE AGGREGATE kinds.rank_of(VARIADIC "any" ORDER BY VARIADIC "any") (
  SFUNC = ordered_set_transition_multi, STYPE = internal, FINALFUNC = rank_final, FINALFUNC_EXTRA, HYPOTHETICAL
);
-- KIND: aggregate without arguments
CREATE FUNCTION kinds.next(bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 1';
CREATE AGGREGATE kinds.lines(*) (SFUNC = kinds.next, STYPE = bigint, INITCOND = '0');
COMMENT ON AGGREGATE kinds.lines(*) IS 'counts';
ALTER AGGREGATE kinds.lines(*) OWNER TO kind_owner;
-- KIND: operator
CREATE FUNCTION kinds.less(kinds.label, kinds.label) RETURNS boolean IMMUTABLE STRICT LANGUAGE internal AS 'text_lt';
CREATE FUNCTION kinds.greater(kinds.label, kinds.label) RETURNS boolean IMMUTABLE STRICT LANGUAGE internal AS 'text_gt';
CREATE FUNCTION kinds.equal(kinds.label, kinds.label) RETURNS boolean IMMUTABLE STRICT LANGUAGE internal AS 'texteq';
CREATE FUNCTION kinds.differ(kinds.label, kinds.label) RETURNS boolean IMMUTABLE STRICT LANGUAGE internal AS 'textne';
CREATE FUNCTION kinds.compare(kinds.label, kinds.label) RETURNS integer IMMUTABLE STRICT LANGUAGE internal AS 'bttextcmp';
CREATE OPERATOR kinds.< (
  FUNCTION = kinds.less, LEFTARG = kinds.label, RIGHTARG = kinds.label, COMMUTATOR = OPERATOR(kinds.>),
  RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR kinds.> (
  FUNCTION = kinds.greater, LEFTARG = kinds.label, RIGHTARG = kinds.label, COMMUTATOR = OPERATOR(kinds.<),
  RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
-- KIND: operator with negator, hashes and merges
CREATE OPERATOR kinds.= (
  FUNCTION = kinds.equal, LEFTARG = kinds.label, RIGHTARG = kinds.label, COMMUTATOR = OPERATOR(kinds.=),
  NEGATOR = OPERATOR(kinds.<>), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
CREATE OPERATOR kinds.<> (
  FUNCTION = kinds.differ, LEFTARG = kinds.label, RIGHTARG = kinds.label, COMMUTATOR = OPERATOR(kinds.<>),
  NEGATOR = OPERATOR(kinds.=)
);
-- KIND: prefix operator
CREATE OPERATOR kinds.!!! (FUNCTION = kinds.double, RIGHTARG = integer);
COMMENT ON OPERATOR kinds.!!! (NONE, integer) IS 'twice as much';
ALTER OPERATOR kinds.!!! (NONE, integer) OWNER TO kind_owner;
-- KIND: operator family
CREATE OPERATOR FAMILY kinds.labels USING btree;
COMMENT ON OPERATOR FAMILY kinds.labels USING btree IS 'how labels sort';
-- KIND: operator class
CREATE OPERATOR CLASS kinds.label_order DEFAULT FOR TYPE kinds.label USING btree FAMILY kinds.labels AS
  OPERATOR 1 kinds.<, OPERATOR 3 kinds.=, OPERATOR 5 kinds.>, FUNCTION 1 kinds.compare(kinds.label, kinds.label);
COMMENT ON OPERATOR CLASS kinds.label_order USING btree IS 'the only one';
-- KIND: operator class in a family of its own name
CREATE OPERATOR CLASS kinds.hashed FOR TYPE kinds.label USING hash AS OPERATOR 1 kinds.=;
ALTER OPERATOR CLASS kinds.hashed USING hash OWNER TO kind_owner;
-- KIND: operator family with members across types
CREATE FUNCTION kinds.label_under_text(kinds.label, text) RETURNS boolean IMMUTABLE STRICT LANGUAGE internal AS 'text_lt';
CREATE OPERATOR kinds.< (FUNCTION = kinds.label_under_text, LEFTARG = kinds.label, RIGHTARG = text);
ALTER OPERATOR FAMILY kinds.labels USING btree ADD OPERATOR 1 kinds.< (kinds.label, text);
-- KIND: access method for tables
CREATE ACCESS METHOD heap_again TYPE TABLE HANDLER heap_tableam_handler;
COMMENT ON ACCESS METHOD heap_again IS 'the usual heap';
-- KIND: access method for indexes
CREATE ACCESS METHOD brin_again TYPE INDEX HANDLER brinhandler;
-- KIND: conversion
CREATE CONVERSION kinds.latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
COMMENT ON CONVERSION kinds.latin IS 'as the server''s own';
-- KIND: default conversion
CREATE DEFAULT CONVERSION kinds.latin_default FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
ALTER CONVERSION kinds.latin_default OWNER TO kind_owner;

-- === collations and text search ===========================================================================================

-- KIND: collation of libc
CREATE COLLATION kinds.bytes (LOCALE = 'C');
-- KIND: collation of ICU
CREATE COLLATION kinds.german (PROVIDER = icu, LOCALE = 'de-u-co-phonebk');
-- KIND: collation that is not deterministic
CREATE COLLATION kinds.ignoring_case (PROVIDER = icu, LOCALE = 'und-u-ks-level2', DETERMINISTIC = false);
COMMENT ON COLLATION kinds.ignoring_case IS 'A is a';
ALTER COLLATION kinds.ignoring_case OWNER TO kind_owner;
-- KIND: collation copied from another
CREATE COLLATION kinds.copied FROM "C.utf8";
-- KIND: table with a collation on each level
CREATE TABLE kinds.collated (
  a text COLLATE "C", b text COLLATE kinds.german, c text COLLATE kinds.ignoring_case PRIMARY KEY, d kinds.bytewise, e text
);
CREATE INDEX collated_e ON kinds.collated (e COLLATE "POSIX" DESC);
INSERT INTO kinds.collated VALUES ('a', 'Ä', 'Straße', 'Z', 'x'), ('B', 'z', 'STRASSEN', 'a', NULL);
-- KIND: text search parser
CREATE TEXT SEARCH PARSER kinds.words (
  START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype, HEADLINE = prsd_headline
);
COMMENT ON TEXT SEARCH PARSER kinds.words IS 'the default parser';
-- KIND: text search template
CREATE TEXT SEARCH TEMPLATE kinds.lowered (INIT = dsimple_init, LEXIZE = dsimple_lexize);
COMMENT ON TEXT SEARCH TEMPLATE kinds.lowered IS 'the simple one';
-- KIND: text search dictionary
CREATE TEXT SEARCH DICTIONARY kinds.simple_german (TEMPLATE = pg_catalog.simple, STOPWORDS = german, ACCEPT = false);
ALTER TEXT SEARCH DICTIONARY kinds.simple_german OWNER TO kind_owner;
COMMENT ON TEXT SEARCH DICTIONARY kinds.simple_german IS 'stop words only';
-- KIND: text search dictionary of a template of our own
CREATE TEXT SEARCH DICTIONARY kinds.lower (TEMPLATE = kinds.lowered);
-- KIND: text search configuration
CREATE TEXT SEARCH CONFIGURATION kinds.german (PARSER = kinds.words);
ALTER TEXT SEARCH CONFIGURATION kinds.german ADD MAPPING FOR asciiword, word
  WITH extensions.unaccent, kinds.simple_german, german_stem;
ALTER TEXT SEARCH CONFIGURATION kinds.german ADD MAPPING FOR numword WITH kinds.lower;
ALTER TEXT SEARCH CONFIGURATION kinds.german OWNER TO kind_owner;
COMMENT ON TEXT SEARCH CONFIGURATION kinds.german IS 'accents and stop words';

-- === sequences ============================================================================================================

-- KIND: sequence that was never used
CREATE SEQUENCE kinds.fresh;
-- KIND: sequence at an odd value
CREATE SEQUENCE kinds.odd_value START 4711 INCREMENT 7 CACHE 3;
SELECT nextval('kinds.odd_value'), nextval('kinds.odd_value'), nextval('kinds.odd_value'), nextval('kinds.odd_value');
-- KIND: sequence set but not called
CREATE SEQUENCE kinds.not_called;
SELECT setval('kinds.not_called', 42, false);
-- KIND: sequence of smallint
CREATE SEQUENCE kinds.small AS smallint MAXVALUE 99;
-- KIND: sequence of integer
CREATE SEQUENCE kinds.medium AS integer MINVALUE -5 START 5;
-- KIND: sequence that descends
CREATE SEQUENCE kinds.down INCREMENT -3 START 100 MINVALUE -100 MAXVALUE 100;
SELECT nextval('kinds.down'), nextval('kinds.down');
-- KIND: sequence that cycles, at its end
CREATE SEQUENCE kinds.round MAXVALUE 3 CYCLE;
SELECT setval('kinds.round', 3);
-- KIND: sequence at the largest value
CREATE SEQUENCE kinds.full;
SELECT setval('kinds.full', 9223372036854775807);
-- KIND: sequence below zero
CREATE SEQUENCE kinds.low INCREMENT -1;
SELECT setval('kinds.low', -9223372036854775807);
-- KIND: sequence without logging
CREATE UNLOGGED SEQUENCE kinds.unlogged_numbers;
SELECT setval('kinds.unlogged_numbers', 17);
-- KIND: rights on a sequence
ALTER SEQUENCE kinds.odd_value OWNER TO kind_owner;
GRANT USAGE, SELECT ON SEQUENCE kinds.odd_value TO kind_app;
GRANT ALL ON SEQUENCE kinds.fresh TO kind_reader WITH GRANT OPTION;
COMMENT ON SEQUENCE kinds.fresh IS 'nobody has asked it';
-- KIND: sequence owned by a column
CREATE SEQUENCE kinds.owned_numbers;
CREATE TABLE kinds.owner_of_sequence (id bigint NOT NULL DEFAULT nextval('kinds.owned_numbers'), note text);
ALTER SEQUENCE kinds.owned_numbers OWNED BY kinds.owner_of_sequence.id;
INSERT INTO kinds.owner_of_sequence (note) VALUES ('one'), ('two');
-- KIND: serial columns of every size
CREATE TABLE kinds.serials (a smallserial, b serial, c bigserial);
INSERT INTO kinds.serials DEFAULT VALUES;
-- KIND: sequence shared by two tables
CREATE SEQUENCE kinds.shared;
CREATE TABLE kinds.sharing_one (id integer DEFAULT nextval('kinds.shared'));
CREATE TABLE kinds.sharing_two (id integer DEFAULT (nextval('kinds.shared') * 10));

-- === columns ==============================================================================================================

-- KIND: defaults of every sort
CREATE TABLE kinds.defaulted (
  a integer DEFAULT 1, b text DEFAULT E'it''s \\ a\ttab', c timestamptz DEFAULT now(), d integer[] DEFAULT ARRAY[1, 2],
  e kinds.mood DEFAULT 'ok', f jsonb DEFAULT '{"a": "\u00fc"}', g text DEFAULT (kinds.half(3))::text, h bytea DEFAULT '\x00ff',
  i interval DEFAULT '1 mon 2 days', j text DEFAULT CURRENT_USER, k double precision DEFAULT 'NaN', l bit(3) DEFAULT B'101',
  m kinds.rating, n kinds.address DEFAULT ROW('street', 1, NULL)
);
INSERT INTO kinds.defaulted (c, j) VALUES ('2026-01-02 03:04:05.678901+00', 'someone');
-- KIND: default that was added later to rows that exist
CREATE TABLE kinds.widened (id integer);
INSERT INTO kinds.widened SELECT generate_series(1, 3);
ALTER TABLE kinds.widened ADD COLUMN added text DEFAULT 'for all' NOT NULL;
ALTER TABLE kinds.widened ALTER COLUMN added DROP DEFAULT;
-- KIND: dropped columns
CREATE TABLE kinds.narrowed (a integer, b text, c date, d text);
INSERT INTO kinds.narrowed VALUES (1, 'gone', '2026-01-01', 'stays');
ALTER TABLE kinds.narrowed DROP COLUMN b, DROP COLUMN a;
-- KIND: generated columns
CREATE TABLE kinds.generated (
  first text NOT NULL, last text, full_name text GENERATED ALWAYS AS ((first || ' '::text) || last) STORED,
  size integer GENERATED ALWAYS AS (length(first) * 2) STORED, later integer DEFAULT 7
);
INSERT INTO kinds.generated (first, last) VALUES ('Ada', 'Lovelace'), ('Ödön', NULL);
-- KIND: generated column before others, with an index and a check
CREATE TABLE kinds.generated_first (
  doubled integer GENERATED ALWAYS AS (base * 2) STORED CHECK (doubled < 1000) UNIQUE, base integer
);
INSERT INTO kinds.generated_first (base) VALUES (1), (2);
-- KIND: table with only generated columns
CREATE TABLE kinds.only_generated (a integer GENERATED ALWAYS AS (1 + 1) STORED, b text GENERATED ALWAYS AS ('x'::text) STORED);
INSERT INTO kinds.only_generated DEFAULT VALUES;
INSERT INTO kinds.only_generated DEFAULT VALUES;
-- KIND: table without columns
CREATE TABLE kinds.without_columns ();
INSERT INTO kinds.without_columns DEFAULT VALUES;
INSERT INTO kinds.without_columns DEFAULT VALUES;
INSERT INTO kinds.without_columns DEFAULT VALUES;
-- KIND: identity column always
CREATE TABLE kinds.identity_always (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text);
INSERT INTO kinds.identity_always (note) VALUES ('one'), ('two');
INSERT INTO kinds.identity_always OVERRIDING SYSTEM VALUE VALUES (-7, 'forced');
-- KIND: identity column by default
CREATE TABLE kinds.identity_default (id smallint GENERATED BY DEFAULT AS IDENTITY, note text);
INSERT INTO kinds.identity_default VALUES (99, 'own'), (DEFAULT, 'given');
-- KIND: identity column with a sequence of an odd name and odd options
CREATE TABLE kinds.identity_odd (
  id integer GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME kinds."an ""odd"" sequence" START 10 INCREMENT -2 MINVALUE -10 MAXVALUE 20 CYCLE)
);
INSERT INTO kinds.identity_odd SELECT FROM generate_series(1, 3);
-- KIND: identity column with an altered sequence
CREATE TABLE kinds.identity_altered (id integer GENERATED BY DEFAULT AS IDENTITY);
ALTER TABLE kinds.identity_altered ALTER COLUMN id SET INCREMENT 5 SET START 50 RESTART;
ALTER TABLE kinds.identity_altered ALTER COLUMN id SET GENERATED ALWAYS;
-- KIND: storage of columns
CREATE TABLE kinds.stored (a text, b text, c text, d text);
ALTER TABLE kinds.stored ALTER a SET STORAGE plain, ALTER b SET STORAGE external, ALTER c SET STORAGE main;
-- KIND: compression of columns
CREATE TABLE kinds.compressed (a text COMPRESSION pglz, b text COMPRESSION lz4, c text);
INSERT INTO kinds.compressed VALUES (repeat('a', 9000), repeat('b', 9000), repeat('c', 9000));
-- KIND: statistics target of columns
CREATE TABLE kinds.measured (a integer, b integer, c integer);
ALTER TABLE kinds.measured ALTER a SET STATISTICS 500, ALTER b SET STATISTICS 0;
-- KIND: options of columns
ALTER TABLE kinds.measured ALTER c SET (n_distinct = -0.5, n_distinct_inherited = 100);
-- KIND: comment on a column
COMMENT ON COLUMN kinds.measured.a IS 'the first';
-- KIND: not null
ALTER TABLE kinds.measured ALTER b SET NOT NULL;

-- === tables ===============================================================================================================

-- KIND: options of a table
CREATE TABLE kinds.tuned (id integer, note text) WITH (
  fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = false, autovacuum_vacuum_scale_factor = 0.05,
  parallel_workers = 3, toast_tuple_target = 1000
);
-- KIND: table without logging
CREATE UNLOGGED TABLE kinds.unlogged (id integer PRIMARY KEY, note text);
INSERT INTO kinds.unlogged VALUES (1, 'dumped all the same');
-- KIND: table of another access method
CREATE TABLE kinds.in_heap_again (id integer) USING heap_again;
INSERT INTO kinds.in_heap_again VALUES (1);
-- KIND: table of a type
CREATE TABLE kinds.typed OF kinds.address (
  PRIMARY KEY (street, number), number WITH OPTIONS DEFAULT 1, "zip code" WITH OPTIONS CHECK (("zip code")::text <> ''::text)
);
INSERT INTO kinds.typed VALUES ('Ring', DEFAULT, '1010');
-- KIND: table of another owner with rights of every sort
CREATE TABLE owned.everything (id integer PRIMARY KEY, secret text, shown text);
ALTER TABLE owned.everything OWNER TO kind_owner;
GRANT ALL ON owned.everything TO kind_app;
GRANT SELECT ON owned.everything TO PUBLIC;
GRANT SELECT, INSERT, REFERENCES ON owned.everything TO kind_reader WITH GRANT OPTION;
-- KIND: rights granted by somebody else than the owner
SET ROLE kind_reader;
GRANT SELECT ON owned.everything TO kind_app;
RESET ROLE;
-- KIND: rights of which the owner has given some up
CREATE TABLE owned.renounced (id integer);
ALTER TABLE owned.renounced OWNER TO kind_owner;
REVOKE INSERT, TRUNCATE ON owned.renounced FROM kind_owner;
-- KIND: rights that nobody has
CREATE TABLE owned.closed (id integer);
REVOKE ALL ON owned.closed FROM CURRENT_USER;
-- KIND: rights on columns
GRANT SELECT (shown), UPDATE (shown, secret), INSERT (id) ON owned.everything TO "kind's ""odd"" rôle";
GRANT REFERENCES (id) ON owned.everything TO kind_app WITH GRANT OPTION;
-- KIND: comment on a table
COMMENT ON TABLE owned.everything IS E'''quoted'' "twice" \\ back\nnew line ünïcödé 🐘 $$ /* -- ';
-- KIND: table clustered on an index
CREATE TABLE kinds.clustered (id integer CONSTRAINT clustered_key PRIMARY KEY, at date);
CREATE INDEX clustered_at ON kinds.clustered (at);
INSERT INTO kinds.clustered SELECT i, '2026-01-01'::date - i FROM generate_series(1, 50) AS i;
CLUSTER kinds.clustered USING clustered_at;
-- KIND: replica identity full
CREATE TABLE kinds.replicated_full (a integer);
ALTER TABLE kinds.replicated_full REPLICA IDENTITY FULL;
-- KIND: replica identity nothing
CREATE TABLE kinds.replicated_nothing (a integer);
ALTER TABLE kinds.replicated_nothing REPLICA IDENTITY NOTHING;
-- KIND: replica identity of an index
CREATE TABLE kinds.replicated_index (a integer NOT NULL, b integer PRIMARY KEY);
CREATE UNIQUE INDEX replicated_a ON kinds.replicated_index (a);
ALTER TABLE kinds.replicated_index REPLICA IDENTITY USING INDEX replicated_a;
-- KIND: empty table
CREATE TABLE kinds.empty (id integer, note text);
-- KIND: table with very many columns
SELECT format('CREATE TABLE kinds.wide (%s)', string_agg(format('column_%s integer', i), ', ')) FROM generate_series(1, 500) AS i
\gexec
INSERT INTO kinds.wide (column_1, column_500) VALUES (1, 500);

-- === constraints ==========================================================================================================

-- KIND: primary key of several columns, with included ones and options
CREATE TABLE kinds.keyed (a integer, b text, c date, CONSTRAINT keyed_key PRIMARY KEY (a, b) INCLUDE (c) WITH (fillfactor = 60));
INSERT INTO kinds.keyed VALUES (1, 'x', '2026-01-01'), (1, 'y', NULL);
-- KIND: unique constraint
CREATE TABLE kinds.uniques (a integer UNIQUE, b integer, c integer, CONSTRAINT pair UNIQUE (b, c));
-- KIND: unique constraint for which nulls are equal
ALTER TABLE kinds.uniques ADD CONSTRAINT one_null UNIQUE NULLS NOT DISTINCT (c);
-- KIND: deferrable constraint
ALTER TABLE kinds.uniques ADD CONSTRAINT later UNIQUE (b) DEFERRABLE INITIALLY DEFERRED;
-- KIND: constraint from an index
CREATE UNIQUE INDEX becomes_constraint ON kinds.uniques (a, b, c);
ALTER TABLE kinds.uniques ADD CONSTRAINT from_index UNIQUE USING INDEX becomes_constraint;
-- KIND: check constraints
CREATE TABLE kinds.checked (
  a integer CONSTRAINT positive CHECK (a > 0), b text, CHECK (b <> ''::text OR a IS NULL), c character varying(20),
  CONSTRAINT known CHECK ((c)::text = ANY (ARRAY[('new'::character varying)::text, ('old'::character varying)::text]))
);
INSERT INTO kinds.checked VALUES (1, 'x', 'new'), (NULL, '', NULL);
-- KIND: check constraint that is not valid
INSERT INTO kinds.checked VALUES (2, 'breaks the next one', 'old');
ALTER TABLE kinds.checked ADD CONSTRAINT unproven CHECK (a < 2) NOT VALID;
-- KIND: check constraint with a function
ALTER TABLE kinds.checked ADD CONSTRAINT called CHECK (kinds.double(a) > 0);
-- KIND: comment on a constraint
COMMENT ON CONSTRAINT positive ON kinds.checked IS 'more than nothing';
-- KIND: foreign key
CREATE TABLE kinds.referring (
  a integer, b text, u integer REFERENCES kinds.uniques (a) ON DELETE SET NULL,
  CONSTRAINT to_keyed FOREIGN KEY (a, b) REFERENCES kinds.keyed ON UPDATE CASCADE ON DELETE CASCADE
);
INSERT INTO kinds.referring VALUES (1, 'x', NULL), (NULL, 'anything', NULL);
-- KIND: foreign key with match full, deferred
ALTER TABLE kinds.referring ADD CONSTRAINT to_keyed_full FOREIGN KEY (a, b) REFERENCES kinds.keyed MATCH FULL
  ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED NOT VALID;
-- KIND: foreign key that sets some columns to null
ALTER TABLE kinds.referring ADD CONSTRAINT partly FOREIGN KEY (a, b) REFERENCES kinds.keyed ON DELETE SET NULL (b);
-- KIND: foreign key that is not valid
CREATE TABLE kinds.orphans (parent integer);
INSERT INTO kinds.orphans VALUES (12345);
ALTER TABLE kinds.orphans ADD CONSTRAINT unproven FOREIGN KEY (parent) REFERENCES kinds.clustered (id) NOT VALID;
-- KIND: foreign key to its own table
CREATE TABLE kinds.tree (id integer PRIMARY KEY, parent integer REFERENCES kinds.tree);
INSERT INTO kinds.tree VALUES (2, NULL), (1, 2), (3, 1);
-- KIND: foreign keys in a circle
CREATE TABLE kinds.hen (id integer PRIMARY KEY, egg integer);
CREATE TABLE kinds.egg (id integer PRIMARY KEY, hen integer REFERENCES kinds.hen DEFERRABLE);
ALTER TABLE kinds.hen ADD FOREIGN KEY (egg) REFERENCES kinds.egg DEFERRABLE INITIALLY DEFERRED;
BEGIN;
INSERT INTO kinds.hen VALUES (1, 1);
INSERT INTO kinds.egg VALUES (1, 1);
COMMIT;
-- KIND: exclusion constraint
SET search_path = kinds, extensions;
CREATE TABLE kinds.bookings (
  room integer, during tstzrange, cancelled boolean DEFAULT false,
  CONSTRAINT no_overlap EXCLUDE USING gist (room WITH =, during WITH &&) WHERE (NOT cancelled)
);
INSERT INTO kinds.bookings VALUES (1, '[2026-01-01 10:00+00, 2026-01-01 11:00+00)'), (1, '[2026-01-01 11:00+00,)');
-- KIND: exclusion constraint, deferrable, with an expression
CREATE TABLE kinds.circles (c circle, EXCLUDE USING gist (c WITH &&, (area(c)) WITH =) DEFERRABLE INITIALLY DEFERRED);
SET search_path = pg_catalog;
-- KIND: check constraint that is not inherited
CREATE TABLE kinds.abstract (id integer, CONSTRAINT never_here CHECK (false) NO INHERIT);
CREATE TABLE kinds.concrete () INHERITS (kinds.abstract);
INSERT INTO kinds.concrete VALUES (1);

-- === inheritance ==========================================================================================================

-- KIND: inheritance
CREATE TABLE kinds.parent (id integer PRIMARY KEY, note text DEFAULT 'parent' NOT NULL, CONSTRAINT big CHECK (id > -5));
CREATE TABLE kinds.child (extra date, CHECK (extra > '1900-01-01'::date)) INHERITS (kinds.parent);
INSERT INTO kinds.parent VALUES (1, 'p');
INSERT INTO kinds.child VALUES (2, 'c', '2026-01-01');
-- KIND: inheritance with another default and a redefined column
CREATE TABLE kinds.stubborn (note text DEFAULT 'child') INHERITS (kinds.parent);
-- KIND: inheritance from several tables
CREATE TABLE kinds.stamped (at timestamptz DEFAULT now());
CREATE TABLE kinds.heir (own integer) INHERITS (kinds.parent, kinds.stamped);
INSERT INTO kinds.heir VALUES (3, 'h', '2026-01-01 00:00+00', 7);
-- KIND: inheritance over three generations
CREATE TABLE kinds.grandchild () INHERITS (kinds.child);
INSERT INTO kinds.grandchild VALUES (4, 'g', NULL);
-- KIND: inheritance with dropped columns in parent and child
CREATE TABLE kinds.old_parent (a integer, dropped integer, b integer);
CREATE TABLE kinds.old_child (own_dropped text, own text) INHERITS (kinds.old_parent);
INSERT INTO kinds.old_child VALUES (1, 2, 3, 'x', 'y');
ALTER TABLE kinds.old_parent DROP COLUMN dropped;
ALTER TABLE kinds.old_child DROP COLUMN own_dropped;
-- KIND: inheritance given up
CREATE TABLE kinds.emancipated () INHERITS (kinds.parent);
ALTER TABLE kinds.emancipated NO INHERIT kinds.parent;

-- === partitions ===========================================================================================================

-- KIND: partitions by range
CREATE TABLE kinds.by_range (id integer NOT NULL, at date NOT NULL, note text DEFAULT 'root', PRIMARY KEY (id, at))
  PARTITION BY RANGE (at);
CREATE TABLE kinds.by_range_2025 PARTITION OF kinds.by_range FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE kinds.by_range_past PARTITION OF kinds.by_range FOR VALUES FROM (MINVALUE) TO ('2025-01-01');
-- KIND: partition with a default of its own and options
CREATE TABLE kinds.by_range_2026 PARTITION OF kinds.by_range (note DEFAULT 'partition') FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')
  WITH (fillfactor = 80);
-- KIND: partition for all other values
CREATE TABLE kinds.by_range_rest PARTITION OF kinds.by_range DEFAULT;
INSERT INTO kinds.by_range SELECT i, '2023-06-01'::date + i * 40 FROM generate_series(1, 60) AS i;
-- KIND: index on a partitioned table
CREATE INDEX by_range_note ON kinds.by_range (note);
-- KIND: index on a partitioned table only, with some partitions attached
CREATE INDEX by_range_at ON ONLY kinds.by_range (at);
CREATE INDEX by_range_2025_at ON kinds.by_range_2025 (at);
ALTER INDEX kinds.by_range_at ATTACH PARTITION kinds.by_range_2025_at;
-- KIND: comment on an index and on an index of a partition
COMMENT ON INDEX kinds.by_range_at IS 'not complete';
COMMENT ON INDEX kinds.by_range_2025_at IS 'the one attached';
-- KIND: partitions by list
CREATE TABLE kinds.by_list (region text, value integer) PARTITION BY LIST (region);
CREATE TABLE kinds.by_list_north PARTITION OF kinds.by_list FOR VALUES IN ('north', 'it''s "far" north');
CREATE TABLE kinds.by_list_null PARTITION OF kinds.by_list FOR VALUES IN (NULL);
INSERT INTO kinds.by_list VALUES ('north', 1), (NULL, 2), ('it''s "far" north', 3);
-- KIND: partitions by hash
CREATE TABLE kinds.by_hash (id bigint, note text) PARTITION BY HASH (id);
CREATE TABLE kinds.by_hash_0 PARTITION OF kinds.by_hash FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE kinds.by_hash_1 PARTITION OF kinds.by_hash FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE kinds.by_hash_3 PARTITION OF kinds.by_hash FOR VALUES WITH (MODULUS 4, REMAINDER 3);
INSERT INTO kinds.by_hash SELECT i, md5(i::text) FROM generate_series(1, 40) AS i;
-- KIND: partitions of partitions
CREATE TABLE kinds.by_both (at date, region text, value integer) PARTITION BY RANGE (at);
CREATE TABLE kinds.by_both_2026 PARTITION OF kinds.by_both FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY LIST (region);
CREATE TABLE kinds.by_both_2026_x PARTITION OF kinds.by_both_2026 FOR VALUES IN ('x') PARTITION BY HASH (value);
CREATE TABLE kinds.by_both_2026_x_0 PARTITION OF kinds.by_both_2026_x FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE kinds.by_both_2026_rest PARTITION OF kinds.by_both_2026 DEFAULT;
INSERT INTO kinds.by_both VALUES ('2026-02-02', 'x', 1), ('2026-02-03', 'y', 2);
-- KIND: partitions by an expression and several columns
CREATE TABLE kinds.by_expression (name text, n integer) PARTITION BY RANGE (lower(name) COLLATE "C", n);
CREATE TABLE kinds.by_expression_a PARTITION OF kinds.by_expression FOR VALUES FROM ('a', MINVALUE) TO ('m', 100);
INSERT INTO kinds.by_expression VALUES ('Bob', 1);
-- KIND: partitioned table without partitions
CREATE TABLE kinds.by_nothing (a integer) PARTITION BY LIST (a);
-- KIND: partition attached, with columns in another order and dropped ones
CREATE TABLE kinds.attached (note text, gone integer, region text, value integer);
ALTER TABLE kinds.attached DROP COLUMN gone, DROP COLUMN note;
ALTER TABLE kinds.attached ADD CONSTRAINT south_only CHECK (region = 'south'::text AND region IS NOT NULL);
CREATE TABLE kinds.attached_turned (value integer, region text);
INSERT INTO kinds.attached VALUES ('south', 5);
INSERT INTO kinds.attached_turned VALUES (6, 'west');
ALTER TABLE kinds.by_list ATTACH PARTITION kinds.attached FOR VALUES IN ('south');
ALTER TABLE kinds.by_list ATTACH PARTITION kinds.attached_turned FOR VALUES IN ('west');
-- KIND: partition detached
CREATE TABLE kinds.detached PARTITION OF kinds.by_list FOR VALUES IN ('east');
INSERT INTO kinds.by_list VALUES ('east', 4);
ALTER TABLE kinds.by_list DETACH PARTITION kinds.detached;
-- KIND: foreign key to and from a partitioned table
CREATE TABLE kinds.to_partitions (id integer, at date, FOREIGN KEY (id, at) REFERENCES kinds.by_range);
INSERT INTO kinds.to_partitions VALUES (1, '2023-07-11');
ALTER TABLE kinds.by_both ADD FOREIGN KEY (value) REFERENCES kinds.tree;

-- === indexes and statistics ===============================================================================================

CREATE TABLE kinds.indexed (
  id integer, word text, words text[], document jsonb, at timestamptz, place point, area box, tags extensions.hstore,
  network inet, flag boolean
);
INSERT INTO kinds.indexed
  SELECT i, md5(i::text), ARRAY[i::text], jsonb_build_object('i', i), '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour',
         point(i, -i), box(point(0, 0), point(i, i)), extensions.hstore('a', i::text), '10.0.0.0'::inet + i, i % 3 = 0
    FROM generate_series(1, 200) AS i;
-- KIND: index with order and nulls
CREATE INDEX indexed_order ON kinds.indexed (id DESC NULLS LAST, word ASC NULLS FIRST, at DESC);
-- KIND: index on an expression
CREATE INDEX indexed_lower ON kinds.indexed (lower(word), (id + 1));
-- KIND: index on a part
CREATE INDEX indexed_part ON kinds.indexed (at) WHERE flag AND id > 10;
-- KIND: index that covers
CREATE UNIQUE INDEX indexed_cover ON kinds.indexed (id) INCLUDE (word, flag);
-- KIND: unique index for which nulls are equal
CREATE UNIQUE INDEX indexed_nulls ON kinds.indexed (id, word) NULLS NOT DISTINCT;
-- KIND: index with options
CREATE INDEX indexed_options ON kinds.indexed (word) WITH (fillfactor = 55, deduplicate_items = off);
-- KIND: index with an operator class and a collation
CREATE INDEX indexed_pattern ON kinds.indexed (word COLLATE "C" text_pattern_ops);
-- KIND: index with statistics on an expression
ALTER INDEX kinds.indexed_lower ALTER COLUMN 2 SET STATISTICS 77;
-- KIND: hash index
CREATE INDEX indexed_hash ON kinds.indexed USING hash (word);
-- KIND: gin index
CREATE INDEX indexed_gin ON kinds.indexed USING gin (words, document jsonb_path_ops) WITH (fastupdate = off);
-- KIND: gist index
CREATE INDEX indexed_gist ON kinds.indexed USING gist (area) WITH (buffering = on);
-- KIND: gist index with options of an operator class
CREATE INDEX indexed_trigrams ON kinds.indexed USING gist (word extensions.gist_trgm_ops (siglen = 32));
-- KIND: spgist index
CREATE INDEX indexed_spgist ON kinds.indexed USING spgist (place);
-- KIND: brin index
CREATE INDEX indexed_brin ON kinds.indexed USING brin (at timestamptz_minmax_multi_ops (values_per_range = 16), network)
  WITH (pages_per_range = 4, autosummarize = on);
-- KIND: index of another access method
CREATE OPERATOR CLASS kinds.summed DEFAULT FOR TYPE integer USING brin_again AS
  OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 brin_minmax_opcinfo(internal),
  FUNCTION 2 brin_minmax_add_value(internal, internal, internal, internal),
  FUNCTION 3 brin_minmax_consistent(internal, internal, internal), FUNCTION 4 brin_minmax_union(internal, internal, internal);
CREATE INDEX indexed_again ON kinds.indexed USING brin_again (id);
-- KIND: index on a whole row and on a system function
CREATE INDEX indexed_row ON kinds.tree ((tree.* IS NOT NULL), kinds.double(id));
-- KIND: index on a column of a type of our own
CREATE TABLE kinds.labelled (label kinds.label, price kinds.cents);
CREATE INDEX labelled_label ON kinds.labelled (label);
INSERT INTO kinds.labelled VALUES ('b', '100'), ('a', '-5');
-- KIND: extended statistics
CREATE STATISTICS kinds.together (ndistinct, dependencies) ON id, word, at FROM kinds.indexed;
-- KIND: extended statistics of every kind, of expressions
CREATE STATISTICS kinds.expressions ON (id % 10), lower(word), flag FROM kinds.indexed;
CREATE STATISTICS kinds.one_expression ON (id / 7) FROM kinds.indexed;
-- KIND: target, owner and comment of extended statistics
ALTER STATISTICS kinds.together SET STATISTICS 321;
CREATE STATISTICS owned.of_columns (mcv) ON secret, shown FROM owned.everything;
ALTER STATISTICS owned.of_columns OWNER TO kind_owner;
COMMENT ON STATISTICS kinds.together IS 'they belong together';

-- === views ================================================================================================================

-- KIND: view
CREATE VIEW kinds.seen AS SELECT id, word, at FROM kinds.indexed WHERE flag;
-- KIND: view on views
CREATE VIEW kinds.seen_again AS SELECT s.id, upper(s.word) AS word FROM kinds.seen s JOIN kinds.seen t USING (id);
CREATE VIEW kinds.seen_thrice (n, "odd column") AS SELECT count(*), max(word) FROM kinds.seen_again GROUP BY GROUPING SETS ((), (id));
-- KIND: view with window functions, ordered, lateral, values
CREATE VIEW kinds.complicated AS
  WITH data AS MATERIALIZED (SELECT i.id, i.word FROM kinds.indexed i), values(n, text) AS (VALUES (1, 'one'), (2, NULL))
  SELECT DISTINCT ON (d.id) d.id, row_number() OVER w AS place, sum(d.id) FILTER (WHERE d.id > 3) OVER (w ROWS BETWEEN 2 PRECEDING
         AND CURRENT ROW EXCLUDE TIES) AS total, l.*, CASE WHEN v.n IS NULL THEN 'none'::text ELSE v.text END AS said,
         ARRAY(SELECT 1) AS list, EXISTS (SELECT FROM kinds.tree) AS any_tree, EXTRACT(year FROM now()) AS year
    FROM data d LEFT JOIN values v ON v.n = d.id, LATERAL (SELECT d.id + 1 AS next) l
  WINDOW w AS (PARTITION BY d.id % 3 ORDER BY d.id)
   ORDER BY d.id, d.word DESC LIMIT 10 OFFSET 1;
-- KIND: view with set operations
CREATE VIEW kinds.united AS (SELECT 1 AS a UNION ALL SELECT 2) EXCEPT (SELECT 3 INTERSECT SELECT 4);
-- KIND: view with a sample, an ordinality and rows from functions
CREATE VIEW kinds.sampled AS
  SELECT s.id, f.* FROM kinds.indexed s TABLESAMPLE bernoulli (100) REPEATABLE (7),
         ROWS FROM (generate_series(1, 2), kinds.numbers(2)) WITH ORDINALITY AS f(a, b, c, d);
-- KIND: recursive view
CREATE RECURSIVE VIEW kinds.branches (id, depth) AS
  SELECT t.id, 0 FROM kinds.tree t WHERE t.parent IS NULL
  UNION ALL SELECT t.id, b.depth + 1 FROM kinds.tree t JOIN branches b ON t.parent = b.id;
-- KIND: view with search and cycle clauses
CREATE VIEW kinds.searched AS
  WITH RECURSIVE found AS (
    SELECT t.id, t.parent FROM kinds.tree t WHERE t.parent IS NULL
    UNION ALL SELECT t.id, t.parent FROM kinds.tree t JOIN found f ON t.parent = f.id
  ) SEARCH DEPTH FIRST BY id SET place CYCLE id SET looped USING path
  SELECT id, cardinality(place) AS place, looped FROM found;
-- KIND: view behind a security barrier
CREATE VIEW kinds.barred WITH (security_barrier = true) AS SELECT id FROM owned.everything;
-- KIND: view with the rights of the asker
CREATE VIEW kinds.asking WITH (security_invoker = true, security_barrier) AS SELECT id FROM owned.everything;
-- KIND: view with check option
CREATE VIEW kinds.checking AS SELECT id, note FROM kinds.parent WHERE id > 0 WITH CASCADED CHECK OPTION;
CREATE VIEW kinds.checking_locally AS SELECT id FROM kinds.checking WHERE id < 100 WITH LOCAL CHECK OPTION;
-- KIND: view with a default, and comments on its columns
CREATE VIEW kinds.defaulting AS SELECT id, parent FROM kinds.tree;
ALTER VIEW kinds.defaulting ALTER COLUMN parent SET DEFAULT 1;
COMMENT ON VIEW kinds.defaulting IS 'has a default';
COMMENT ON COLUMN kinds.defaulting.id IS 'a view''s column';
-- KIND: view of another owner with rights, also on columns
ALTER VIEW kinds.defaulting OWNER TO kind_owner;
GRANT SELECT, INSERT ON kinds.defaulting TO kind_app;
GRANT UPDATE (parent) ON kinds.defaulting TO kind_reader;
-- KIND: view that leans on a primary key
CREATE VIEW kinds.grouped AS SELECT t.id, t.parent, count(*) AS n FROM kinds.tree t GROUP BY t.id;
-- KIND: view in a circle with a function
CREATE VIEW kinds.circular AS SELECT id, 1 AS n FROM kinds.tree;
CREATE FUNCTION kinds.of_circular(kinds.circular) RETURNS integer LANGUAGE sql AS 'SELECT $1.n';
CREATE OR REPLACE VIEW kinds.circular AS SELECT tree.id, kinds.of_circular(ROW(tree.id, 1)::kinds.circular) AS n FROM kinds.tree;
-- KIND: view without columns
CREATE VIEW kinds.columnless AS SELECT;
-- KIND: view of columns renamed later
CREATE TABLE kinds.renamed (first integer, second integer);
CREATE VIEW kinds.of_renamed AS SELECT first, a.second, b.second AS other FROM kinds.renamed a JOIN kinds.renamed b USING (first);
ALTER TABLE kinds.renamed RENAME second TO "second one";
ALTER TABLE kinds.renamed RENAME first TO primo;
-- KIND: materialized view
CREATE MATERIALIZED VIEW kinds.kept AS SELECT id, word FROM kinds.seen WITH DATA;
CREATE UNIQUE INDEX kept_id ON kinds.kept (id);
-- KIND: materialized view without data
CREATE MATERIALIZED VIEW kinds.kept_empty WITH (fillfactor = 60) AS SELECT id FROM kinds.indexed WITH NO DATA;
-- KIND: materialized view on materialized views
CREATE MATERIALIZED VIEW kinds.kept_a AS SELECT count(*) AS n FROM kinds.kept;
CREATE MATERIALIZED VIEW kinds.a_first AS SELECT n + 1 AS n FROM kinds.kept_a;
CREATE MATERIALIZED VIEW kinds.kept_below AS SELECT n FROM kinds.a_first WITH NO DATA;
-- KIND: materialized view with statistics, storage, a clustered index and a comment
ALTER MATERIALIZED VIEW kinds.kept ALTER COLUMN word SET STATISTICS 50, ALTER COLUMN word SET STORAGE external, CLUSTER ON kept_id;
COMMENT ON MATERIALIZED VIEW kinds.kept IS 'a copy';
-- KIND: materialized view of another owner with rights, access method and statistics
CREATE MATERIALIZED VIEW owned.kept USING heap_again AS SELECT 1 AS a, 2 AS b;
ALTER MATERIALIZED VIEW owned.kept OWNER TO kind_owner;
GRANT SELECT ON owned.kept TO kind_reader;
CREATE STATISTICS owned.of_kept ON a, b FROM owned.kept;
-- KIND: materialized view that calls a function of the search path
CREATE MATERIALIZED VIEW kinds.kept_called AS SELECT kinds.double(id) AS doubled, kinds.half(id) AS halved FROM kinds.tree;

-- === triggers and rules ===================================================================================================

CREATE FUNCTION kinds.on_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN coalesce(NEW, OLD); END $$;
CREATE TABLE kinds.watched (id integer PRIMARY KEY, note text, at timestamptz);
INSERT INTO kinds.watched VALUES (1, 'one', NULL);
-- KIND: trigger for rows
CREATE TRIGGER before_row BEFORE INSERT OR UPDATE ON kinds.watched FOR EACH ROW EXECUTE FUNCTION kinds.on_change();
-- KIND: trigger for statements with arguments
CREATE TRIGGER after_statement AFTER TRUNCATE ON kinds.watched FOR EACH STATEMENT
  EXECUTE FUNCTION kinds.on_change('it''s', '"quoted"', '\back', 'ünï', 17);
-- KIND: trigger on columns with a condition
CREATE TRIGGER on_columns AFTER UPDATE OF note, at ON kinds.watched FOR EACH ROW
  WHEN (old.note IS DISTINCT FROM new.note AND new.id > 3) EXECUTE FUNCTION kinds.on_change();
-- KIND: trigger with transition tables
CREATE TRIGGER with_tables AFTER UPDATE ON kinds.watched REFERENCING OLD TABLE AS before NEW TABLE AS "after it"
  FOR EACH STATEMENT EXECUTE FUNCTION kinds.on_change();
-- KIND: trigger of a constraint, deferred
CREATE CONSTRAINT TRIGGER constraining AFTER INSERT ON kinds.watched FROM kinds.tree DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION kinds.on_change();
-- KIND: trigger that is disabled
CREATE TRIGGER asleep AFTER DELETE ON kinds.watched FOR EACH ROW EXECUTE FUNCTION kinds.on_change();
ALTER TABLE kinds.watched DISABLE TRIGGER asleep;
-- KIND: trigger that fires always
CREATE TRIGGER awake BEFORE DELETE ON kinds.watched FOR EACH ROW EXECUTE FUNCTION kinds.on_change();
ALTER TABLE kinds.watched ENABLE ALWAYS TRIGGER awake;
-- KIND: trigger that fires on replicas
CREATE TRIGGER abroad BEFORE DELETE ON kinds.watched FOR EACH ROW EXECUTE FUNCTION kinds.on_change();
ALTER TABLE kinds.watched ENABLE REPLICA TRIGGER abroad;
-- KIND: trigger instead of a change of a view
CREATE TRIGGER in_place INSTEAD OF INSERT OR UPDATE OR DELETE ON kinds.united FOR EACH ROW EXECUTE FUNCTION kinds.on_change();
-- KIND: trigger on a partitioned table, disabled on one partition
CREATE TRIGGER on_all AFTER INSERT ON kinds.by_range FOR EACH ROW EXECUTE FUNCTION kinds.on_change();
ALTER TABLE kinds.by_range_2025 DISABLE TRIGGER on_all;
-- KIND: trigger on a partition only
CREATE TRIGGER on_one BEFORE INSERT ON kinds.by_range_2025 FOR EACH ROW EXECUTE FUNCTION kinds.on_change();
-- KIND: trigger of the server itself
CREATE TRIGGER unchanged BEFORE UPDATE ON kinds.watched FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
-- KIND: comment on a trigger
COMMENT ON TRIGGER asleep ON kinds.watched IS 'sleeps';
-- KIND: rule instead
CREATE RULE not_at_all AS ON DELETE TO kinds.tree DO INSTEAD NOTHING;
-- KIND: rule beside, with a condition and several commands
CREATE RULE logged AS ON UPDATE TO kinds.tree WHERE new.parent IS DISTINCT FROM old.parent
  DO ALSO (INSERT INTO kinds.empty VALUES (new.id, 'changed'); DELETE FROM kinds.empty WHERE id = old.id);
-- KIND: rule on a view with returning
CREATE RULE into_tree AS ON INSERT TO kinds.defaulting DO INSTEAD
  INSERT INTO kinds.tree VALUES (new.id, new.parent) RETURNING tree.id, tree.parent;
-- KIND: rule that is disabled, and one that fires always
CREATE RULE dormant AS ON INSERT TO kinds.tree DO ALSO NOTIFY never;
ALTER TABLE kinds.tree DISABLE RULE dormant;
CREATE RULE eternal AS ON INSERT TO kinds.empty DO ALSO NOTIFY always;
ALTER TABLE kinds.empty ENABLE ALWAYS RULE eternal;
COMMENT ON RULE dormant ON kinds.tree IS 'off';

-- === row security =========================================================================================================

CREATE TABLE owned.guarded (id integer, who name DEFAULT CURRENT_USER, level integer);
INSERT INTO owned.guarded VALUES (1, 'kind_app', 1), (2, 'kind_reader', 2), (3, 'nobody', 3);
ALTER TABLE owned.guarded OWNER TO kind_owner;
-- KIND: row security
ALTER TABLE owned.guarded ENABLE ROW LEVEL SECURITY;
-- KIND: row security also for the owner
ALTER TABLE owned.guarded FORCE ROW LEVEL SECURITY;
-- KIND: policy for everyone and everything
CREATE POLICY all_of_it ON owned.guarded USING (who = CURRENT_USER) WITH CHECK (level < 10);
-- KIND: policy that restricts
CREATE POLICY less ON owned.guarded AS RESTRICTIVE FOR SELECT TO kind_app, "kind's ""odd"" rôle" USING (level < 5);
-- KIND: policy for each command
CREATE POLICY on_insert ON owned.guarded FOR INSERT TO kind_app WITH CHECK (true);
CREATE POLICY on_update ON owned.guarded FOR UPDATE TO kind_reader USING (level = 1) WITH CHECK (level = 2);
CREATE POLICY on_delete ON owned.guarded FOR DELETE TO PUBLIC USING (false);
-- KIND: policy with a subquery
CREATE POLICY by_others ON owned.guarded FOR SELECT USING (EXISTS (SELECT FROM kinds.tree t WHERE t.id = guarded.level));
COMMENT ON POLICY less ON owned.guarded IS 'narrower';
-- KIND: row security without policies
CREATE TABLE owned.sealed (id integer);
INSERT INTO owned.sealed VALUES (1);
ALTER TABLE owned.sealed ENABLE ROW LEVEL SECURITY;
-- KIND: policy on a table whose row security is off
CREATE POLICY waiting ON kinds.empty FOR SELECT USING (id > 0);

-- === privileges ===========================================================================================================

-- KIND: default privileges of a role
ALTER DEFAULT PRIVILEGES FOR ROLE kind_owner GRANT SELECT ON TABLES TO kind_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE kind_owner GRANT USAGE ON SEQUENCES TO kind_app WITH GRANT OPTION;
-- KIND: default privileges in a schema
ALTER DEFAULT PRIVILEGES FOR ROLE kind_owner IN SCHEMA owned GRANT ALL ON TABLES TO kind_app;
ALTER DEFAULT PRIVILEGES FOR ROLE kind_owner IN SCHEMA owned GRANT EXECUTE ON ROUTINES TO "kind's ""odd"" rôle";
-- KIND: default privileges taken from everyone
ALTER DEFAULT PRIVILEGES FOR ROLE kind_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE kind_app REVOKE USAGE ON TYPES FROM PUBLIC;
-- KIND: default privileges of schemas
ALTER DEFAULT PRIVILEGES FOR ROLE kind_app GRANT USAGE ON SCHEMAS TO PUBLIC;
-- KIND: default privileges of who restores
ALTER DEFAULT PRIVILEGES FOR ROLE CURRENT_USER GRANT SELECT ON TABLES TO kind_reader;

-- === large objects ========================================================================================================

-- KIND: large object
SELECT lo_from_bytea(70001, decode(repeat('00ff5c', 40000), 'hex'));
-- KIND: large object that is empty
SELECT lo_create(70002);
-- KIND: large object with holes
SELECT lo_create(70003);
SELECT lo_put(70003, 5000000, 'far away');
-- KIND: large objects of other owners
SELECT lo_from_bytea(70004, 'owner'), lo_from_bytea(70005, 'app');
ALTER LARGE OBJECT 70004 OWNER TO kind_owner;
ALTER LARGE OBJECT 70005 OWNER TO kind_app;
-- KIND: rights on large objects
GRANT SELECT ON LARGE OBJECT 70004 TO kind_reader WITH GRANT OPTION;
GRANT ALL ON LARGE OBJECT 70005 TO PUBLIC;
REVOKE UPDATE ON LARGE OBJECT 70005 FROM kind_app;
-- KIND: comment on a large object
COMMENT ON LARGE OBJECT 70001 IS 'it''s large';
-- KIND: large object with a high number
SELECT lo_from_bytea(4294967295, 'the last');

-- === foreign data =========================================================================================================

-- KIND: foreign data wrapper
CREATE FOREIGN DATA WRAPPER kinds_wrapper OPTIONS (debug 'true', "an ""odd"" option" 'it''s \ here');
COMMENT ON FOREIGN DATA WRAPPER kinds_wrapper IS 'wraps nothing';
-- KIND: foreign data wrapper with handler and validator
CREATE FOREIGN DATA WRAPPER kinds_postgres HANDLER extensions.postgres_fdw_handler VALIDATOR extensions.postgres_fdw_validator;
GRANT USAGE ON FOREIGN DATA WRAPPER kinds_wrapper TO kind_owner WITH GRANT OPTION;
-- KIND: foreign server
CREATE SERVER elsewhere TYPE 'a type' VERSION '1.2' FOREIGN DATA WRAPPER kinds_wrapper OPTIONS (host 'no.such.host', note 'it''s');
COMMENT ON SERVER elsewhere IS 'not here';
ALTER SERVER elsewhere OWNER TO kind_owner;
GRANT USAGE ON FOREIGN SERVER elsewhere TO kind_app;
-- KIND: foreign server that is a PostgreSQL nobody reaches
CREATE SERVER unreachable FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1', dbname 'none', connect_timeout '1');
-- KIND: user mappings
CREATE USER MAPPING FOR kind_app SERVER elsewhere OPTIONS ("user" 'app', password 'it''s "secret" \');
CREATE USER MAPPING FOR PUBLIC SERVER elsewhere;
CREATE USER MAPPING FOR "kind's ""odd"" rôle" SERVER elsewhere OPTIONS ("user" 'odd');
CREATE USER MAPPING FOR CURRENT_USER SERVER unreachable OPTIONS ("user" 'nobody', password 'none');
-- KIND: foreign table
CREATE FOREIGN TABLE kinds.far (
  id integer OPTIONS (column_name 'the "id"') NOT NULL, note text COLLATE "C" DEFAULT 'none', doubled integer GENERATED ALWAYS AS (id * 2) STORED,
  CHECK (id > 0)
) SERVER unreachable OPTIONS (schema_name 'public', table_name 'it''s far');
COMMENT ON FOREIGN TABLE kinds.far IS 'never read';
-- KIND: rights on a foreign table
ALTER FOREIGN TABLE kinds.far OWNER TO kind_owner;
GRANT SELECT ON kinds.far TO kind_app;
-- KIND: foreign table that inherits
CREATE FOREIGN TABLE kinds.far_child () INHERITS (kinds.stamped) SERVER elsewhere;
-- KIND: foreign table as a partition
CREATE FOREIGN TABLE kinds.by_list_far PARTITION OF kinds.by_list FOR VALUES IN ('far') SERVER unreachable OPTIONS (table_name 'x');
-- KIND: trigger on a foreign table
CREATE TRIGGER far_row BEFORE INSERT ON kinds.far FOR EACH ROW EXECUTE FUNCTION kinds.on_change();

-- === odd names ============================================================================================================

-- KIND: names with quotes
CREATE SCHEMA "it's an ""odd"" schema";
CREATE TABLE "it's an ""odd"" schema"."ta""ble's" ("co""lumn's" integer CONSTRAINT "che""ck's" CHECK ("co""lumn's" > 0));
INSERT INTO "it's an ""odd"" schema"."ta""ble's" VALUES (1);
-- KIND: names with backslashes
CREATE TABLE kinds."back\slash \n \\." ("\." text, "\N" text DEFAULT '\N');
INSERT INTO kinds."back\slash \n \\." VALUES ('\.', '\N'), (NULL, NULL);
-- KIND: names with line breaks and tabs
CREATE TABLE kinds."line
break" ("col	umn
too" text);
INSERT INTO kinds."line
break" VALUES ('x');
CREATE INDEX "index
; DROP TABLE kinds.tree; --" ON kinds."line
break" ("col	umn
too");
CREATE FUNCTION kinds."func
tion"("argu
ment" integer) RETURNS integer LANGUAGE sql AS 'SELECT $1';
-- KIND: names with carriage returns
SELECT format('CREATE TABLE kinds.%I (%I integer)', E'carriage\rreturn', E'a\r\nb')
\gexec
-- KIND: names with control characters
SELECT format('CREATE TABLE kinds.%I (%I integer)', E'bell\x07escape\x1b[31mdelete\x7f', E'\x01')
\gexec
-- KIND: names beyond ASCII
CREATE TABLE kinds."Größe 数据 🐘" ("Ödön" integer, "e\u0301" text, "عربي" text);
INSERT INTO kinds."Größe 数据 🐘" VALUES (1, 'é', 'نص');
-- KIND: names of 63 bytes
CREATE TABLE kinds."üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüx" ("nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" serial PRIMARY KEY);
-- KIND: names with blanks at both ends
CREATE TABLE kinds."  blanks  " ("  c  " integer, " " integer);
-- KIND: names with dollars and signs
CREATE TABLE kinds."$1 $$ $body$ % %s * ? ~ & | ; : -- /* */ # ! ` ( ) [ ] { } < > , . = +" ("$$" text DEFAULT '$$');
-- KIND: names that are keywords
CREATE SCHEMA "select";
CREATE TABLE "select"."table" ("user" integer, "order" integer, "from" integer, "all" integer, "null" integer, "default" integer);
INSERT INTO "select"."table" VALUES (1, 2, 3, 4, 5, 6);
CREATE FUNCTION "select"."cast"("both" integer) RETURNS integer LANGUAGE sql AS 'SELECT $1';
-- KIND: names in capitals and of digits
CREATE TABLE kinds."UPPER" ("MiXeD" integer, "1" integer, "1e5" integer);
-- KIND: names that look like options and commands
CREATE TABLE kinds."--all" ("-t" integer);
CREATE TABLE kinds."\connect template1" ("\! id" integer);
CREATE TABLE kinds."COPY public.x (y) FROM stdin;" ("COPY" integer);
INSERT INTO kinds."COPY public.x (y) FROM stdin;" VALUES (1), (2);
-- KIND: names of hidden schemas and of the same table twice
CREATE SCHEMA "PG_CATALOG";
CREATE TABLE "PG_CATALOG".pg_class (relname text);
CREATE TABLE "select".tree (id integer);
INSERT INTO "select".tree VALUES (1);
-- KIND: odd names of every other kind
CREATE TYPE kinds."ty'pe" AS ENUM ('"', '\', E'\n');
CREATE DOMAIN kinds."do""main" AS text CONSTRAINT "con'straint
" CHECK (VALUE <> '
'::text);
CREATE SEQUENCE kinds."se""quence's";
CREATE VIEW kinds."vi""ew's
" AS SELECT 1 AS "co""l
";
CREATE TRIGGER "tri""gger
" BEFORE INSERT ON kinds.empty FOR EACH ROW EXECUTE FUNCTION kinds.on_change();
CREATE POLICY "pol""icy
" ON kinds.empty USING (true);
CREATE RULE "ru""le
" AS ON UPDATE TO kinds.empty DO INSTEAD NOTHING;
CREATE COLLATION kinds."col""lation's" (LOCALE = 'C');
CREATE STATISTICS kinds."stat""istics
" ON id, note FROM kinds.empty;
CREATE SERVER "ser""ver's
" FOREIGN DATA WRAPPER kinds_wrapper;
-- KIND: role with an odd name as owner
CREATE TABLE kinds.of_odd_role (id integer);
ALTER TABLE kinds.of_odd_role OWNER TO "kind's ""odd"" rôle";
CREATE SCHEMA "of odd role" AUTHORIZATION "kind's ""odd"" rôle";

-- === values ===============================================================================================================

CREATE SCHEMA data;
-- KIND: nulls and empty strings
CREATE TABLE data.empties (a text, b text, c bytea, d text[], e jsonb, f integer);
INSERT INTO data.empties VALUES (NULL, '', '', '{}', '[]', NULL), ('', NULL, NULL, NULL, NULL, 0), ('NULL', '\N', '\x', '{NULL,"NULL",""}', 'null', NULL),
  (NULL, NULL, NULL, NULL, NULL, NULL);
-- KIND: integers at their limits
CREATE TABLE data.integers (a smallint, b integer, c bigint, d oid, e boolean);
INSERT INTO data.integers VALUES (-32768, -2147483648, -9223372036854775808, 0, true), (32767, 2147483647, 9223372036854775807, 4294967295, false);
-- KIND: floats of every sort
CREATE TABLE data.floats (a real, b double precision);
INSERT INTO data.floats VALUES ('NaN', 'NaN'), ('Infinity', '-Infinity'), ('-0', '-0'), (0, 0), ('1e-45', '5e-324'), ('3.4028235e38', '1.7976931348623157e308'),
  ('0.1', '0.1'), ('16777217', '9007199254740993'), ('1.17549435e-38', '2.2250738585072014e-308'), (pi()::real, pi());
-- KIND: numerics of every sort
CREATE TABLE data.numerics (a numeric, b numeric(10, 3), c numeric(3, -2));
INSERT INTO data.numerics VALUES ('NaN', 'NaN', NULL), ('Infinity', NULL, NULL), ('-Infinity', NULL, NULL), ('0.000', '0.100', 12300), (1.10, 1.1, -100),
  (('1' || repeat('0', 2000) || '.5')::numeric, -0.001, 0), (('0.' || repeat('0', 2000) || '1')::numeric, NULL, NULL);
-- KIND: money
CREATE TABLE data.money (a money);
INSERT INTO data.money VALUES ('-92233720368547758.08'), ('0.01'), (NULL);
-- KIND: timestamps with odd zones, before Christ, infinite
CREATE TABLE data.moments (a timestamptz, b timestamp, c date, d time, e timetz, f timestamptz(2));
INSERT INTO data.moments VALUES ('2026-03-29 02:30:00 Europe/Vienna', '2026-03-29 02:30:00.123456', '2026-02-28', '23:59:59.999999', '12:00:00+05:45', '2026-01-01 00:00:00.129+00'),
  ('4713-11-24 00:00:00 BC +00', '4713-11-24 00:00:00 BC', '4713-11-24 BC', '00:00', '00:00+15:59', NULL), ('infinity', '-infinity', 'infinity', '24:00:00', '24:00:00-15:59', '-infinity'),
  ('1883-11-18 12:03:57 America/New_York', '294276-12-31 23:59:59.999999', '5874897-12-31', NULL, '01:02:03+00:00:01', NULL), ('1937-07-01 00:00:00 Europe/Amsterdam', '0001-01-01', '0001-12-31 BC', NULL, NULL, NULL);
-- KIND: intervals
CREATE TABLE data.intervals (a interval, b interval year to month, c interval second(2));
INSERT INTO data.intervals VALUES ('1 year -2 mons +3 days -04:05:06.789', '3 years 2 mons', '1.239 s'), ('-178000000 years', NULL, NULL), ('1 month', NULL, NULL), ('30 days', NULL, NULL), ('720 hours', NULL, NULL), ('0', NULL, NULL);
-- KIND: text with every control character
CREATE TABLE data.controls (code integer, content text);
INSERT INTO data.controls SELECT i, chr(i) || 'x' || chr(i) FROM generate_series(1, 160) AS i;
-- KIND: text that looks like a dump
CREATE TABLE data.traps (id integer, content text);
INSERT INTO data.traps VALUES (1, '\.'), (2, E'\\.\n'), (3, E'a\n\\.\nb'), (4, E'COPY x (y) FROM stdin;\n1\n\\.\n'), (5, '\N'), (6, E'\\\\N'), (7, E'-- PostgreSQL database dump complete'),
  (8, E'\t'), (9, E'\r\n'), (10, E'\r'), (11, E'\n'), (12, E'\\'), (13, E'\\t'), (14, ' '), (15, E'\\connect template1'), (16, '"'''), (17, ';'), (18, '{}'), (19, E'\b\f\x0b'), (20, '\x41');
-- KIND: text beyond the basic plane, combined and from right to left
CREATE TABLE data.scripts (content text, short character(5), limited character varying(3), byte "char", named name);
INSERT INTO data.scripts VALUES ('🐘𝄞👨‍👩‍👧‍👦', 'äö', '日本語', 'x', 'n'), (E'e\u0301\u0302 \u202e\ufeff\u200b\U0010FFFF', '', '', '', ''), ('مرحبا שלום', '  x', E'\u00a0 ', '\377', 'ü');
-- KIND: very long values
CREATE TABLE data.long (id integer, content text, bytes bytea);
INSERT INTO data.long SELECT 1, string_agg(md5(i::text), E'\n'), NULL FROM generate_series(1, 60000) AS i;
INSERT INTO data.long SELECT 2, repeat('ü\', 400000), decode(repeat('5c0a', 300000), 'hex');
-- KIND: bytea with every byte
CREATE TABLE data.bytes (content bytea);
INSERT INTO data.bytes SELECT string_agg(set_byte('\x00', 0, i), '' ORDER BY i) FROM generate_series(0, 255) AS i;
INSERT INTO data.bytes VALUES (''), ('\x00'), ('\\'), ('\x5c2e0a'), (NULL);
-- KIND: json as it was written
CREATE TABLE data.documents (a json, b jsonb, c jsonpath);
INSERT INTO data.documents VALUES ('{"b": 1,  "a": 2, "a": "\u00fc\n\t\"\\", "z": 1.50}', '{"b": 1, "a": [null, true, 1e400, -0, 1.50], "": "\u00fc\n\t\"\\ 🐘"}', '$.a[*] ? (@ > 1 && @.b like_regex "^\\d+$")'),
  (' [ ] ', '{}', 'strict $."odd key"'), ('null', 'null', '$'), ('"x"', '"\\u0041"', NULL), (NULL, NULL, NULL);
-- KIND: xml
CREATE TABLE data.markup (a xml);
INSERT INTO data.markup VALUES ('<a b="c">&lt;<![CDATA[x]]></a>'), (XMLPARSE(CONTENT 'text <b/> more')), ('<?xml version="1.0"?><!DOCTYPE a><a>ü</a>'::xml);
-- KIND: arrays
CREATE TABLE data.arrays (a integer[], b text[], c integer[][], d kinds.address[], e integer[3], f jsonb[]);
INSERT INTO data.arrays VALUES ('[-2:0]={1,NULL,3}', ARRAY['', 'NULL', NULL, '"', '\', '{', ',', E'\n', ' '], '{{1,2},{3,4}}', ARRAY[ROW('a "b"', 1, NULL), NULL]::kinds.address[], '{1,2,3,4}', ARRAY['{"a": "b,c"}']::jsonb[]),
  ('{}', '{}', '[5:5][-1:0]={{1,2}}', '{}', NULL, '{NULL}');
-- KIND: composite values, nested
CREATE TABLE data.composites (a kinds.address, b kinds.person, c kinds.shrunk, d kinds.numbered);
INSERT INTO data.composites VALUES (ROW('street "x", (y) \ z', 1, ''), ROW('n', ARRAY[ROW(NULL, NULL, NULL), ROW('', 0, ' ')]::kinds.address[], 'glad'), ROW(1, '2026-01-01'), ROW('s', 1, 'z')),
  (ROW(NULL, NULL, NULL), NULL, NULL, NULL), (NULL, ROW(NULL, '{}', NULL), ROW(NULL, NULL), NULL);
-- KIND: ranges and multiranges
CREATE TABLE data.ranges (a int4range, b numrange, c tstzrange, d daterange, e kinds.words, f int8multirange, g kinds.many_times, h kinds.floats);
INSERT INTO data.ranges VALUES ('empty', '(,)', '[2026-01-01 00:00+02,infinity)', '(,2026-01-01]', '["a,""b","c]")', '{[1,3),(5,)}', '{[01:00,02:00]}', '(-Infinity,NaN]'),
  ('[1,1]', '[0.10,0.2)', '[,]', 'empty', '(,)', '{}', '{}', 'empty'), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
-- KIND: enumerations and domains
CREATE TABLE data.ours (a kinds.mood, b kinds.rating, c kinds.code, d kinds.pair, e kinds.label, f kinds.cents, g kinds.bytewise);
INSERT INTO data.ours VALUES ('furious', DEFAULT, 'AT1', '{1,2}', 'l', '-1', 'Z'), ('it''s "fine" \ 嬉しい', 1, NULL, NULL, '', NULL, NULL);
-- KIND: bit strings
CREATE TABLE data.bits (a bit(4), b bit varying, c bit varying(5));
INSERT INTO data.bits VALUES ('1010', '', '1'), ('0000', repeat('10', 500)::bit varying, '00000');
-- KIND: network addresses
CREATE TABLE data.networks (a inet, b cidr, c macaddr, d macaddr8);
INSERT INTO data.networks VALUES ('10.1.2.3/8', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05'), ('::ffff:1.2.3.4', '2001:db8::/32', NULL, NULL);
-- KIND: text search values
CREATE TABLE data.searches (a tsvector, b tsquery);
INSERT INTO data.searches VALUES ('fat:1A,3B cat:2 ''it''''s'':4 ''\\'':5', '''fat'':AB & !( ''rat'' <2> ''cat'':* )'), ('', '');
-- KIND: geometry
CREATE TABLE data.shapes (a point, b line, c lseg, d box, e path, f polygon, g circle);
INSERT INTO data.shapes VALUES ('(1.1,-0)', '{1,-2,3}', '[(0,0),(1,1)]', '(2,2),(1,1)', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '<(0.1,0.2),3>'), ('(NaN,Infinity)', NULL, NULL, NULL, '((0,0),(1,1))', NULL, NULL);
-- KIND: identifiers of objects
CREATE TABLE data.identifiers (a uuid, b regclass, c regtype, d regproc, e regnamespace, f pg_lsn, g xid8, h tid, i regrole, j regconfig);
INSERT INTO data.identifiers VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'kinds.tree', 'kinds.mood', 'kinds.trusted', 'kinds', '16/B374D848', '12345678901', '(1,2)', 'kind_owner', 'pg_catalog.german');
-- KIND: values of extensions
CREATE TABLE data.extended (a extensions.hstore, b extensions.citext, c extensions.citext[]);
INSERT INTO data.extended VALUES (E'"a \\"b\\""=>"=> \\\\ , NULL", c=>NULL, ""=>""', 'MiXeD', '{A,b}'), ('', 'mixed', NULL);
-- KIND: rows of a table as a value
CREATE TABLE data.rows (a kinds.tree, b kinds.tree[]);
INSERT INTO data.rows VALUES (ROW(1, 2), ARRAY[ROW(3, NULL)]::kinds.tree[]);
-- KIND: equal rows
CREATE TABLE data.twins (a integer, b text);
INSERT INTO data.twins SELECT 1, 'same' FROM generate_series(1, 5);
INSERT INTO data.twins VALUES (NULL, NULL), (NULL, NULL);

-- === settings of the database =============================================================================================

-- KIND: settings of the database that change how values look
ALTER DATABASE kinds SET "DateStyle" = 'German, DMY';
ALTER DATABASE kinds SET "IntervalStyle" = iso_8601;
ALTER DATABASE kinds SET bytea_output = escape;
ALTER DATABASE kinds SET extra_float_digits = -15;
ALTER DATABASE kinds SET "TimeZone" = 'Asia/Kathmandu';
ALTER DATABASE kinds SET xmlbinary = hex;
-- KIND: settings of the database that change how text is read
ALTER DATABASE kinds SET standard_conforming_strings = off;
ALTER DATABASE kinds SET array_nulls = off;
ALTER DATABASE kinds SET xmloption = document;
ALTER DATABASE kinds SET transform_null_equals = on;
ALTER DATABASE kinds SET quote_all_identifiers = on;
ALTER DATABASE kinds SET check_function_bodies = on;
-- KIND: settings of the database that stop work
ALTER DATABASE kinds SET statement_timeout = '50s';
ALTER DATABASE kinds SET lock_timeout = '40s';
ALTER DATABASE kinds SET idle_in_transaction_session_timeout = '45s';
ALTER DATABASE kinds SET idle_session_timeout = '55s';
-- KIND: setting of the database that forbids writing
ALTER DATABASE kinds SET default_transaction_read_only = on;
-- KIND: setting of the database that makes text another one for clients
ALTER DATABASE kinds SET client_encoding = 'LATIN1';
-- KIND: setting of the database that is a list
ALTER DATABASE kinds SET search_path = kinds, "$user", "it's an ""odd"" schema", public;
ALTER DATABASE kinds SET temp_tablespaces = '';
-- KIND: settings of the database of our own
ALTER DATABASE kinds SET my.setting = E'it''s "odd", \\ and ünï';
ALTER DATABASE kinds SET my."empty" = '';
-- KIND: settings of the database that guide new objects
ALTER DATABASE kinds SET default_toast_compression = lz4;
ALTER DATABASE kinds SET default_transaction_isolation = 'repeatable read';
ALTER DATABASE kinds SET default_statistics_target = 10;
ALTER DATABASE kinds SET default_text_search_config = 'kinds.german';
ALTER DATABASE kinds SET session_replication_role = origin;
-- KIND: settings of roles in the database
ALTER ROLE kind_app IN DATABASE kinds SET search_path = owned, pg_temp;
ALTER ROLE kind_app IN DATABASE kinds SET work_mem = '9MB';
ALTER ROLE "kind's ""odd"" rôle" IN DATABASE kinds SET client_encoding = 'LATIN1';
-- KIND: limit of connections of the database
ALTER DATABASE kinds CONNECTION LIMIT 33;
-- KIND: comment on the database
COMMENT ON DATABASE kinds IS E'it''s "the" database\nof all \\ kinds ünï';
-- KIND: rights on the database
REVOKE ALL ON DATABASE kinds FROM PUBLIC;
GRANT CONNECT ON DATABASE kinds TO kind_app WITH GRANT OPTION;
GRANT TEMPORARY, CREATE ON DATABASE kinds TO "kind's ""odd"" rôle";
-- KIND: owner of the database
ALTER DATABASE kinds OWNER TO kind_owner;

-- === what only PostgreSQL 17 has ==========================================================================================

\if :at_least_17
-- KIND: identity column of a partitioned table (17)
CREATE TABLE kinds.identity_parts (id bigint GENERATED ALWAYS AS IDENTITY, note text) PARTITION BY RANGE (id);
CREATE TABLE kinds.identity_part PARTITION OF kinds.identity_parts FOR VALUES FROM (1) TO (1000);
INSERT INTO kinds.identity_parts (note) VALUES ('one'), ('two');
-- KIND: right to maintain (17)
GRANT MAINTAIN ON kinds.indexed TO kind_reader;
-- KIND: collation of the builtin provider (17)
CREATE COLLATION kinds.built_in (PROVIDER = builtin, LOCALE = 'C.UTF-8');
-- KIND: collation with rules of its own (16)
CREATE COLLATION kinds.ruled (PROVIDER = icu, LOCALE = 'und', RULES = '&a < g');
-- KIND: access method of a partitioned table (17)
CREATE TABLE kinds.in_heap_again_parts (id integer) PARTITION BY RANGE (id) USING heap_again;
-- KIND: event trigger at login (17)
CREATE FUNCTION kinds.at_login() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE EVENT TRIGGER arrived ON login EXECUTE FUNCTION kinds.at_login();
-- KIND: exclusion constraint of a partitioned table (17)
CREATE TABLE kinds.excluding (a integer, b integer, EXCLUDE USING btree (a WITH =, b WITH =)) PARTITION BY LIST (a);
-- KIND: default storage and statistics target given back (17)
CREATE TABLE kinds.stored_17 (a text STORAGE EXTERNAL, b text STORAGE DEFAULT);
-- KIND: intervals that are infinite (17)
CREATE TABLE data.endless (a interval);
INSERT INTO data.endless VALUES ('infinity'), ('-infinity');
-- KIND: view with SQL/JSON (17)
CREATE VIEW kinds.json_view AS
  SELECT JSON_OBJECT('a' : 1, 'b' : NULL ABSENT ON NULL) AS o, JSON_EXISTS(jsonb '{"a": 1}', '$.a') AS e,
         JSON_VALUE(jsonb '{"a": 1}', '$.a' RETURNING integer DEFAULT 0 ON EMPTY) AS v, j.*
    FROM JSON_TABLE(jsonb '[{"x": 1}, {"x": 2}]', '$[*]' COLUMNS (n FOR ORDINALITY, x integer PATH '$.x')) AS j;
\endif

-- === what changes its text at the first restore, and loses nothing =======================================================

-- The dump of the restored database differs here from the source's, by PostgreSQL's own doing; from then on it is stable.
CREATE SCHEMA settling;
-- KIND: columns of a child in another order than a restore makes them
CREATE TABLE settling.parent (a integer, b text);
CREATE TABLE settling.child (c date) INHERITS (settling.parent);
INSERT INTO settling.child VALUES (1, 'x', '2026-01-01'), (2, NULL, NULL);
ALTER TABLE settling.parent ADD COLUMN d integer DEFAULT 4;
CREATE TABLE settling.joining (d integer, c text, b text, a integer);
INSERT INTO settling.joining VALUES (1, '2', '3', 4);
ALTER TABLE settling.joining INHERIT settling.parent;
-- KIND: varchar in a list, in a check
CREATE TABLE settling.orders (status character varying(10) CHECK (status IN ('new', 'old')), n integer);
INSERT INTO settling.orders VALUES ('new', 1), ('old', 2), (NULL, 3);
-- KIND: varchar in a list, in a domain
CREATE DOMAIN settling.status AS character varying(10) CHECK (VALUE IN ('new', 'old'));
-- KIND: varchar in a list, in an index
CREATE INDEX orders_new ON settling.orders (n) WHERE status IN ('new', 'old');
-- KIND: varchar in a list, in a policy
CREATE POLICY by_status ON settling.orders USING (status IN ('new', 'old'));
-- KIND: varchar in a list, in a trigger
CREATE TRIGGER by_status BEFORE UPDATE ON settling.orders FOR EACH ROW WHEN (new.status IN ('new', 'old'))
  EXECUTE FUNCTION kinds.on_change();
-- KIND: varchar in a list, in a rule
CREATE RULE by_status AS ON DELETE TO settling.orders WHERE old.status IN ('new', 'old') DO INSTEAD NOTHING;
-- KIND: varchar in a list, in views
CREATE VIEW settling.recent AS SELECT n FROM settling.orders WHERE status IN ('new', 'old');
CREATE MATERIALIZED VIEW settling.kept AS SELECT n FROM settling.orders WHERE status IN ('new', 'old');
-- KIND: varchar in a list, in a generated column
ALTER TABLE settling.orders ADD COLUMN open boolean GENERATED ALWAYS AS (status IN ('new', 'old')) STORED;
-- KIND: varchar in a list, in statistics
CREATE STATISTICS settling.open ON (status IN ('new', 'old')), n FROM settling.orders;
-- KIND: varchar in a list, in a function
CREATE FUNCTION settling.is_open(status character varying) RETURNS boolean LANGUAGE sql RETURN status IN ('new', 'old');

-- === replication and event triggers, which see what comes after them ======================================================

-- KIND: publication of tables, with columns and rows
CREATE PUBLICATION several FOR TABLE kinds.tree (id, parent), TABLE kinds.watched WHERE (id > 1), TABLE ONLY kinds.parent, kinds.by_range;
ALTER PUBLICATION several SET (publish = 'insert, truncate', publish_via_partition_root = true);
ALTER PUBLICATION several OWNER TO kind_owner;
COMMENT ON PUBLICATION several IS 'not all';
-- KIND: publication of schemas
CREATE PUBLICATION whole_schemas FOR TABLES IN SCHEMA owned, "it's an ""odd"" schema";
-- KIND: publication of schemas and tables
CREATE PUBLICATION mixed FOR TABLES IN SCHEMA owned, TABLE kinds.hen;
-- KIND: publication of all tables
CREATE PUBLICATION everything FOR ALL TABLES;
-- KIND: publication of nothing
CREATE PUBLICATION nothing WITH (publish = '');
-- KIND: subscription
CREATE SUBSCRIPTION kind_subscription CONNECTION 'host=127.0.0.1 port=1 dbname=''no one''' PUBLICATION several, "other ""odd"""
  WITH (connect = false, slot_name = 'kind_slot', binary = true, streaming = on, synchronous_commit = local, two_phase = true,
        disable_on_error = true);
COMMENT ON SUBSCRIPTION kind_subscription IS 'to nobody';
-- KIND: event trigger
CREATE FUNCTION kinds.on_event() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM tg_tag; END $$;
CREATE EVENT TRIGGER commanded ON ddl_command_end EXECUTE FUNCTION kinds.on_event();
-- KIND: event trigger for some commands
CREATE EVENT TRIGGER tables_only ON ddl_command_start WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE') EXECUTE FUNCTION kinds.on_event();
-- KIND: event trigger on drops and rewrites
CREATE EVENT TRIGGER dropped ON sql_drop EXECUTE FUNCTION kinds.on_event();
CREATE EVENT TRIGGER rewritten ON table_rewrite EXECUTE FUNCTION kinds.on_event();
-- KIND: event trigger that is disabled, always on, of replicas
ALTER EVENT TRIGGER dropped DISABLE;
ALTER EVENT TRIGGER rewritten ENABLE ALWAYS;
ALTER EVENT TRIGGER tables_only ENABLE REPLICA;
COMMENT ON EVENT TRIGGER commanded IS 'sees everything';
