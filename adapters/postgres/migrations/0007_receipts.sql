-- What became of insertions at their handsets. `number` is a keyed hash of route, message_id and subscriber
-- (engine/receipts.py), the same for an accepted insertion and for its receipt.

ALTER TABLE campaigns ADD COLUMN make_good text CHECK (make_good IN ('failed'));

-- Where settlement puts them; emptied by the matcher.
CREATE TABLE awaited_inbox (
    number           bigint NOT NULL,
    campaign         int NOT NULL,
    creative_version int NOT NULL,
    place            int NOT NULL,
    hour             int NOT NULL
);
CREATE TABLE receipt_inbox (
    number bigint NOT NULL,
    route  bigint NOT NULL,
    state  smallint NOT NULL,
    mask   bigint NOT NULL
);

-- Insertions that asked for a receipt, by the insertion's hour; `receipts` counts those that came.
-- Pages keep room for that count, so that it costs no new index entry.
CREATE TABLE awaited_receipts (
    number           bigint NOT NULL,
    campaign         int NOT NULL,
    creative_version int NOT NULL,
    place            int NOT NULL,
    hour             int NOT NULL,
    state            smallint,
    receipts         smallint NOT NULL DEFAULT 0
) PARTITION BY RANGE (hour);
CREATE INDEX awaited_receipts_by_number ON awaited_receipts (number);

-- Receipts that found no insertion: early ones, and those of notifications without an ad.
CREATE TABLE early_receipts (
    number  bigint NOT NULL,
    route   bigint NOT NULL,
    state   smallint NOT NULL,
    mask    bigint NOT NULL,
    hour    int NOT NULL,
    seen_at timestamptz NOT NULL
) PARTITION BY RANGE (hour);
CREATE INDEX early_receipts_by_number ON early_receipts (number);
CREATE INDEX early_receipts_by_time ON early_receipts (seen_at);

-- Up to when early receipts were counted as unmatched: one row.
CREATE TABLE receipt_progress (
    counted_upto timestamptz NOT NULL
);
INSERT INTO receipt_progress VALUES ('-infinity');
