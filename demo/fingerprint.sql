-- One line a table: its name, its rows and a hash over them that does not depend on their order.
-- `visits` is not among them: the application writes it all the time.
SELECT 'airlines', count(*), sum(hashtextextended(t::text, 0)) FROM airlines AS t
UNION ALL
SELECT 'airports', count(*), sum(hashtextextended(t::text, 0)) FROM airports AS t
UNION ALL
SELECT 'flights', count(*), sum(hashtextextended(t::text, 0)) FROM flights AS t
UNION ALL
SELECT 'planes', count(*), sum(hashtextextended(t::text, 0)) FROM planes AS t
UNION ALL
SELECT 'weather', count(*), sum(hashtextextended(t::text, 0)) FROM weather AS t
UNION ALL
SELECT 'greetings', count(*), sum(hashtextextended(t::text, 0)) FROM greetings AS t
UNION ALL
SELECT 'delays_by_airline', count(*), sum(hashtextextended(t::text, 0)) FROM delays_by_airline AS t
UNION ALL
SELECT 'departures', count(*), count(DISTINCT airline) FROM departures
UNION ALL
SELECT 'large objects', count(*), sum(hashtextextended(lo_get(oid)::text, 0))
FROM pg_largeobject_metadata
UNION ALL
SELECT 'flight_id (sequence)', 1, last_value FROM flight_id;
