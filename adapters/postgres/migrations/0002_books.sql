-- What was counted and what is left. quantity = settled + leased + free.

CREATE TABLE ledger (
    campaign  int PRIMARY KEY REFERENCES campaigns (number),
    quantity  bigint CHECK (quantity > 0),  -- null: a house campaign without limit
    settled   bigint NOT NULL DEFAULT 0,
    leased    bigint NOT NULL DEFAULT 0,
    -- running totals of insertion_counts, so that reading them costs one row a campaign
    inserted  bigint NOT NULL DEFAULT 0,
    accepted  bigint NOT NULL DEFAULT 0,
    rejected  bigint NOT NULL DEFAULT 0,
    unknown   bigint NOT NULL DEFAULT 0,
    delivered bigint NOT NULL DEFAULT 0,
    failed    bigint NOT NULL DEFAULT 0,
    made_good bigint NOT NULL DEFAULT 0,
    CHECK (settled >= 0 AND leased >= 0 AND (quantity IS NULL OR settled + leased <= quantity)),
    CHECK (accepted >= 0 AND rejected >= 0 AND unknown >= 0),
    CHECK (settled = accepted + unknown - made_good),
    CHECK (inserted >= accepted + rejected + unknown)
);

-- One life of one worker; its leases are fenced by closed_at, its journal is applied up to a frame.
CREATE TABLE epochs (
    node      text NOT NULL,
    worker    int NOT NULL,
    epoch     bigint NOT NULL,
    boot_id   text NOT NULL,
    applied   bigint NOT NULL DEFAULT 0,
    opened_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz,
    lost      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (node, worker, epoch)
);
CREATE INDEX epochs_open ON epochs (node) WHERE closed_at IS NULL;

CREATE TABLE leases (
    node     text NOT NULL,
    worker   int NOT NULL,
    epoch    bigint NOT NULL,
    campaign int NOT NULL REFERENCES ledger (campaign),
    granted  bigint NOT NULL DEFAULT 0,
    returned bigint NOT NULL DEFAULT 0,
    spent    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (node, worker, epoch, campaign),
    FOREIGN KEY (node, worker, epoch) REFERENCES epochs,
    CHECK (returned >= 0 AND spent >= 0 AND returned + spent <= granted)
);

CREATE TABLE insertion_counts (
    campaign         int NOT NULL REFERENCES ledger (campaign),
    hour             int NOT NULL,  -- whole hours since 1970-01-01T00 UTC
    creative_version int NOT NULL,  -- 0: not known
    place            int NOT NULL,  -- municipality * 1000 + LADA; 0: not known
    event            text NOT NULL,
    cause            text NOT NULL,
    n                bigint NOT NULL,
    PRIMARY KEY (campaign, hour, creative_version, place, event, cause)
);

CREATE TABLE notification_counts (
    hour          int PRIMARY KEY,
    notifications bigint NOT NULL DEFAULT 0,
    consumed      bigint NOT NULL DEFAULT 0,
    refused       bigint NOT NULL DEFAULT 0
);

CREATE TABLE pass_through_counts (
    hour   int NOT NULL,
    reason text NOT NULL,
    n      bigint NOT NULL,
    PRIMARY KEY (hour, reason)
);
