-- How many insertions under a lease have no outcome yet, so that closing an epoch ends each of them once,
-- whether or not its journal still tells of them. An epoch that was open before this column existed
-- counts from here on and may fall below zero, so no CHECK.

ALTER TABLE leases ADD COLUMN in_flight bigint NOT NULL DEFAULT 0;
