-- What reports read: whole days packed, how far nodes have settled, which receipts were asked for, whom ads reached.

-- Up to when all that the node's workers wrote is counted.
ALTER TABLE nodes ADD COLUMN settled_at timestamptz;

-- Accepted insertions that asked for a receipt, by the insertion's hour.
CREATE TABLE receipt_requests (
    campaign int NOT NULL REFERENCES ledger (campaign),
    hour     int NOT NULL,
    n        bigint NOT NULL,
    PRIMARY KEY (campaign, hour)
);

-- insertion_counts of one campaign and UTC day, packed (adapters/postgres/report_days.py). A row is there only
-- while it says the same as they do: who adds to a day's counts deletes it.
CREATE TABLE insertion_days (
    campaign int NOT NULL REFERENCES ledger (campaign),
    day      int NOT NULL,  -- since 1970-01-01
    hours    bytea NOT NULL,
    cells    bytea NOT NULL,
    PRIMARY KEY (campaign, day)
);

-- Whose ads were accepted, as keyed hashes (engine/people.py): one row a batch, until it is folded into reach_days.
CREATE TABLE exposure_inbox (
    number    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exposures bytea NOT NULL
);

-- Sketches by campaign and day of policy.default_timezone (inventory/reach.py). `sample` holds keyed hashes of people:
-- it is emptied after retention_days.exposures.
CREATE TABLE reach_days (
    campaign  int NOT NULL REFERENCES ledger (campaign),
    day       date NOT NULL,
    registers bytea NOT NULL,
    ceiling   bigint NOT NULL,  -- the sample holds every hash below it
    sample    bytea NOT NULL,
    PRIMARY KEY (campaign, day)
);
CREATE TABLE reach_progress (
    folded_at timestamptz NOT NULL
);
INSERT INTO reach_progress VALUES ('-infinity');

-- Daily reports that were handed to the mail, so that no two nodes send the same one.
CREATE TABLE report_mails (
    day       date NOT NULL,
    recipient uuid NOT NULL REFERENCES users (id),
    PRIMARY KEY (day, recipient)
);
