-- Notifications that could carry an ad: the detail of recent days, and whole days for the forecast's history.

-- Upserted each second in the cells that are alive: pages keep room for the rows' next versions.
CREATE TABLE supply_counts (
    hour       int NOT NULL,  -- whole hours since 1970-01-01T00 UTC
    place      int NOT NULL,  -- municipality * 1000 + LADA
    room_class smallint NOT NULL,
    wide       boolean NOT NULL,  -- room in UCS-2 units, not in septets
    n          bigint NOT NULL,
    PRIMARY KEY (hour, place, room_class, wide)
) WITH (fillfactor = 70);

-- One row a UTC day: for the places that were seen, 24 counts each by hour, and 18 each by room class, narrow
-- then wide. Made of supply_counts once the day is over. The columns hold int[] as array_send() gives it, and
-- are not compressed, so that half a year of every place is read in a fraction of a second.
CREATE TABLE supply_days (
    day    int PRIMARY KEY,  -- since 1970-01-01
    places bytea NOT NULL,
    hours  bytea NOT NULL,
    rooms  bytea NOT NULL
);
ALTER TABLE supply_days ALTER COLUMN hours SET STORAGE EXTERNAL;
