-- Answers by missed call: engagements, the numbers that people call, what their calls became, what answers them.

-- What a number is for while it is assigned. A standing one has no end.
CREATE TABLE engagements (
    number         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id             uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    organisation   uuid REFERENCES organisations (id),  -- null: the carrier's own
    brand          text REFERENCES brands (name),       -- null: of no brand (the carrier's way out of all ads)
    campaign       int REFERENCES campaigns (number),
    name           text NOT NULL,
    purpose        text NOT NULL CHECK (purpose IN ('opt_in', 'opt_out', 'vote', 'coupon', 'callback', 'feedback',
        'order_confirmation', 'verification', 'pledge', 'download_link')),
    starts_at      timestamptz NOT NULL,
    ends_at        timestamptz,
    lead_window    text NOT NULL CHECK (lead_window IN ('hour', 'day', 'week', 'engagement')),
    timezone       text NOT NULL,  -- of its windows and hours
    share_number   boolean NOT NULL,
    wording        text NOT NULL,  -- what callers were told; a change raises its version
    wording_version int NOT NULL DEFAULT 1,
    confirmation   text,  -- the SMS that answers a lead, as a template
    webhook        text,
    webhook_secret text,
    state          text NOT NULL CHECK (state IN ('draft', 'live', 'closed')),
    version        int NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL,
    created_by     text NOT NULL,
    CHECK (ends_at > starts_at),
    CHECK (lead_window <> 'engagement' OR ends_at IS NOT NULL),
    CHECK ((webhook IS NULL) = (webhook_secret IS NULL)),
    CHECK (campaign IS NULL OR brand IS NOT NULL)
);
CREATE INDEX engagements_by_campaign ON engagements (campaign) WHERE campaign IS NOT NULL;

-- What callers were told, as it was when they called (leads.wording_version).
CREATE TABLE engagement_wordings (
    engagement int NOT NULL REFERENCES engagements (number),
    version    int NOT NULL,
    wording    text NOT NULL,
    since      timestamptz NOT NULL,
    PRIMARY KEY (engagement, version)
);

-- The pool that the carrier owns. Digits: ten for a Mexican number, else as dialled (a short number, 800).
CREATE TABLE response_numbers (
    digits     text PRIMARY KEY CHECK (digits ~ '^[0-9]{3,15}$'),
    label      text NOT NULL DEFAULT '',
    added_at   timestamptz NOT NULL,
    added_by   text NOT NULL,
    retired_at timestamptz
);

-- Which number serves which engagement when, half open; `option` is what a call to it says in a vote.
CREATE TABLE assignments (
    number     int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- in lead journals
    digits     text NOT NULL REFERENCES response_numbers (digits),
    engagement int NOT NULL REFERENCES engagements (number),
    option     text NOT NULL DEFAULT '',
    during     tstzrange NOT NULL CHECK (NOT isempty(during) AND lower_inc(during) AND NOT upper_inc(during)),
    UNIQUE (number, engagement)
);
CREATE INDEX assignments_by_engagement ON assignments (engagement);

-- A number serves one engagement at a time. (An exclusion constraint over text needs the extension btree_gist,
-- which a carrier's database may lack: the number's hash stands for it in a range of its own.)
CREATE FUNCTION range_of(digits text) RETURNS int8range LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT int8range(('1' || digits)::int8, ('1' || digits)::int8, '[]')
$$;
ALTER TABLE assignments ADD CONSTRAINT assignments_do_not_overlap
    EXCLUDE USING gist (range_of(digits) WITH &&, during WITH &&);

-- Up to which frame each lead journal was brought in.
CREATE TABLE lead_epochs (
    node    text NOT NULL,
    worker  int NOT NULL,
    epoch   bigint NOT NULL,
    applied bigint NOT NULL,
    PRIMARY KEY (node, worker, epoch)
);

CREATE SEQUENCE lead_numbers AS bigint;

-- One for each caller, engagement and window. Partitions by day of `window_start`, dropped after retention_days.leads.
CREATE TABLE leads (
    number          bigint NOT NULL DEFAULT nextval('lead_numbers'),
    engagement      int NOT NULL,
    window_start    timestamptz NOT NULL,
    caller          bigint NOT NULL,  -- sealed (segments/seal.py)
    masked          text NOT NULL,  -- 55******78
    first_call      timestamptz NOT NULL,
    last_call       timestamptz NOT NULL,
    calls           int NOT NULL,
    option          text NOT NULL,  -- of the first call
    state           text NOT NULL,  -- of the federation, MX-JAL
    lada            text NOT NULL,
    wording_version int NOT NULL,
    source          text NOT NULL CHECK (source IN ('smpp', 'http')),
    PRIMARY KEY (engagement, window_start, caller)
) PARTITION BY RANGE (window_start);
CREATE INDEX leads_by_number ON leads (number);
CREATE INDEX leads_by_engagement ON leads (engagement, number);

-- Calls and leads, kept when the leads are gone. `hour` is UTC hours since 1970.
CREATE TABLE lead_tallies (
    engagement int NOT NULL REFERENCES engagements (number),
    option     text NOT NULL,
    hour       int NOT NULL,
    state      text NOT NULL,
    lada       text NOT NULL,
    digits     text NOT NULL,  -- the number that was called
    calls      bigint NOT NULL,
    leads      bigint NOT NULL,
    PRIMARY KEY (engagement, hour, option, state, lada, digits)
);

-- What a new lead is owed, written in the lead's transaction; none where the engagement answers nothing.
CREATE TABLE answers (
    lead       bigint NOT NULL,  -- leads.number; leads are dropped by partition, so there is no reference
    kind       text NOT NULL CHECK (kind IN ('sms', 'coupon', 'webhook')),
    engagement int NOT NULL REFERENCES engagements (number),
    state      text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'sending', 'sent', 'delivered', 'failed')),
    attempts   int NOT NULL DEFAULT 0,
    next_at    timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    sent_at    timestamptz,
    message_id text,
    fault      text,  -- what the last attempt met
    PRIMARY KEY (lead, kind)
);
CREATE INDEX answers_due ON answers (next_at, lead) WHERE state = 'due';
CREATE INDEX answers_by_engagement ON answers (engagement, state);

-- Uploaded codes; each is given to one lead at most, and a lead gets one.
CREATE TABLE coupons (
    engagement int NOT NULL REFERENCES engagements (number),
    position   int NOT NULL,
    code       text NOT NULL,
    lead       bigint UNIQUE,
    given_at   timestamptz,
    PRIMARY KEY (engagement, position),
    UNIQUE (engagement, code),
    CHECK ((lead IS NULL) = (given_at IS NULL))
);
CREATE INDEX coupons_left ON coupons (engagement, position) WHERE lead IS NULL;

-- What was posted over HTTP and is not taken again: nonces of requests, ids of calls. `source` is the API key.
CREATE TABLE seen_calls (
    source  uuid NOT NULL REFERENCES api_keys (id),
    key     text NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (source, key)
);
CREATE INDEX seen_calls_by_age ON seen_calls (seen_at);

-- Addresses that a spreadsheet imports leads from, until they expire; the address holds the token, this its hash.
CREATE TABLE lead_addresses (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    sha256       bytea NOT NULL UNIQUE,
    engagement   int NOT NULL REFERENCES engagements (number),
    created_at   timestamptz NOT NULL,
    created_by   text NOT NULL,
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    reads        bigint NOT NULL DEFAULT 0,
    last_read_at timestamptz
);
