-- One of most things: the database that the tests back up.
CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, note bytea);
CREATE TABLE orders (
  id serial PRIMARY KEY,
  customer bigint NOT NULL REFERENCES customers,
  placed timestamptz NOT NULL DEFAULT now(),
  amount numeric(10, 2) CHECK (amount >= 0),
  tags jsonb
);
CREATE INDEX orders_customer ON orders (customer);
CREATE TABLE measured (at date NOT NULL, value float8) PARTITION BY RANGE (at);
CREATE TABLE measured_2025 PARTITION OF measured FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE measured_2026 PARTITION OF measured FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE SEQUENCE tickets START 4711;
CREATE TYPE mood AS ENUM ('glad', 'traurig', '嬉しい');
CREATE SCHEMA "Ödd ""schema""";
CREATE TABLE "Ödd ""schema"""."tab\tle 表" ("col umn" text, feeling mood);
CREATE EXTENSION hstore;
INSERT INTO customers (name, note)
  SELECT 'Kunde № ' || i || ' žluťoučký 🐘', decode(md5(i::text), 'hex') FROM generate_series(1, 500) AS i;
INSERT INTO orders (customer, amount, tags)
  SELECT 1 + i % 500, i % 97, jsonb_build_object('n', i, 't', repeat('x', i % 50)) FROM generate_series(1, 3000) AS i;
INSERT INTO measured SELECT '2025-01-01'::date + i % 700, i / 7.0 FROM generate_series(1, 1400) AS i;
INSERT INTO "Ödd ""schema"""."tab\tle 表" VALUES (E'line\nbreak\\.', 'traurig'), ('\\.', '嬉しい'), (NULL, NULL);
SELECT nextval('tickets'), nextval('tickets');
CREATE VIEW spent AS SELECT c.name, sum(o.amount) AS total FROM customers c JOIN orders o ON o.customer = c.id GROUP BY 1;
CREATE MATERIALIZED VIEW best AS SELECT * FROM spent WHERE total > 200;
CREATE FUNCTION double(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i * 2';
COMMENT ON TABLE orders IS 'it''s ordered';
SELECT lo_from_bytea(0, decode(repeat('00ff5c', 5000), 'hex'));
SELECT lo_from_bytea(0, 'klein');
