-- What happens to campaigns, told to webhooks; short links and their clicks.

-- Written by triggers, in the transaction in which it happens, whoever makes it happen.
CREATE TABLE campaign_events (
    number   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id       uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    at       timestamptz NOT NULL,
    campaign int NOT NULL,
    kind     text NOT NULL CHECK (kind IN ('approved', 'rejected', 'live', 'at_risk', 'percent_50', 'percent_90',
        'percent_100', 'finished', 'taken_down')),
    brand    text NOT NULL,
    document jsonb NOT NULL,  -- what a webhook tells
    told     boolean NOT NULL DEFAULT false  -- each webhook that wants it has its delivery
);
CREATE INDEX campaign_events_untold ON campaign_events (number) WHERE NOT told;
CREATE INDEX campaign_events_by_age ON campaign_events (at);
-- A part of the quantity is reached once, whatever is given back and spent again.
CREATE UNIQUE INDEX campaign_events_percents ON campaign_events (campaign, kind)
    WHERE kind IN ('percent_50', 'percent_90', 'percent_100');

CREATE TABLE webhooks (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation uuid NOT NULL REFERENCES organisations (id),
    brands       text[],  -- null: every brand (the carrier's own)
    events       text[] NOT NULL,
    url          text NOT NULL,
    secret       text NOT NULL,  -- in clear: signing needs it
    created_at   timestamptz NOT NULL,
    created_by   text NOT NULL
);

-- In order by number for each webhook and campaign: a later one waits until the earlier is over.
CREATE TABLE webhook_deliveries (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook    uuid NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event      bigint NOT NULL REFERENCES campaign_events (number),
    campaign   int NOT NULL,
    created_at timestamptz NOT NULL,
    attempts   int NOT NULL DEFAULT 0,
    next_at    timestamptz NOT NULL,
    over_at    timestamptz,
    delivered  boolean NOT NULL DEFAULT false,
    answer     text,  -- the last attempt's status or fault
    UNIQUE (webhook, event)
);
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (webhook, campaign, number) WHERE over_at IS NULL;
CREATE INDEX webhook_deliveries_by_event ON webhook_deliveries (event);

CREATE FUNCTION record_event(of_campaign int, what text, reason text, creative jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO campaign_events (at, campaign, kind, brand, document)
    SELECT clock_timestamp(), c.number, what, c.brand, jsonb_build_object(
        'campaign', jsonb_build_object('id', c.id, 'name', c.name, 'brand', c.brand, 'external_id', c.external_id,
            'state', c.state, 'finish_reason', c.finish_reason, 'version', c.version, 'test', c.test),
        'creative', creative, 'reason', reason)
    FROM campaigns c WHERE c.number = of_campaign
    ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION tell_of_campaign() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'approved' AND (TG_OP = 'INSERT' OR OLD.state = 'submitted') THEN
        PERFORM record_event(NEW.number, 'approved', NULL, NULL);
    ELSIF NEW.state = 'rejected' THEN
        PERFORM record_event(NEW.number, 'rejected', NEW.reject_reason, NULL);
    ELSIF NEW.state = 'live' THEN
        PERFORM record_event(NEW.number, 'live', NULL, NULL);
    ELSIF NEW.state = 'finished' THEN
        PERFORM record_event(NEW.number, 'finished', NEW.finish_reason, NULL);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER campaigns_tell_of_birth AFTER INSERT ON campaigns
    FOR EACH ROW WHEN (NEW.state = 'approved') EXECUTE FUNCTION tell_of_campaign();
CREATE TRIGGER campaigns_tell AFTER UPDATE OF state ON campaigns
    FOR EACH ROW WHEN (NEW.state <> OLD.state AND NEW.state IN ('approved', 'rejected', 'live', 'finished'))
    EXECUTE FUNCTION tell_of_campaign();

-- A text on the air taken down; and the decision on a changed text of a campaign that was approved before.
CREATE FUNCTION tell_of_text() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owner record;
BEGIN
    SELECT c.number, c.state INTO owner
    FROM creatives cr JOIN campaigns c ON c.number = cr.campaign WHERE cr.id = NEW.creative;
    IF NEW.review = 'taken_down' OR (NEW.version > 1 AND owner.state IN ('approved', 'live', 'paused')) THEN
        PERFORM record_event(owner.number, NEW.review, NEW.reason, jsonb_build_object(
            'id', NEW.creative, 'version', NEW.version, 'text', NEW.text));
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER creative_versions_tell AFTER UPDATE OF review ON creative_versions
    FOR EACH ROW WHEN (NEW.review <> OLD.review AND NEW.review IN ('approved', 'rejected', 'taken_down'))
    EXECUTE FUNCTION tell_of_text();

-- Settlement updates the ledger twice a second: nothing is called unless a line is crossed.
CREATE FUNCTION tell_of_quantity() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    percent int;
BEGIN
    FOREACH percent IN ARRAY ARRAY[50, 90, 100] LOOP
        IF OLD.settled * 100 < NEW.quantity * percent AND NEW.settled * 100 >= NEW.quantity * percent THEN
            PERFORM record_event(NEW.campaign, 'percent_' || percent, NULL, NULL);
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
CREATE TRIGGER ledger_tells AFTER UPDATE OF settled ON ledger
    FOR EACH ROW WHEN (NEW.quantity IS NOT NULL AND (
        (OLD.settled * 2 < NEW.quantity AND NEW.settled * 2 >= NEW.quantity)
        OR (OLD.settled * 10 < NEW.quantity * 9 AND NEW.settled * 10 >= NEW.quantity * 9)
        OR (OLD.settled < NEW.quantity AND NEW.settled >= NEW.quantity)))
    EXECUTE FUNCTION tell_of_quantity();

-- A code leads to one address for ever: it belongs to the version of a text in which it stands.
CREATE TABLE links (
    code       text PRIMARY KEY CHECK (code ~ '^[A-Za-z0-9]{7,}$'),
    target     text NOT NULL,
    version    int NOT NULL UNIQUE REFERENCES creative_versions (number),
    created_at timestamptz NOT NULL
);

-- By UTC hour since 1970; who clicked is not kept.
CREATE TABLE link_clicks (
    code       text NOT NULL REFERENCES links (code),
    hour       int NOT NULL,
    people     bigint NOT NULL,
    bots       bigint NOT NULL,
    prefetches bigint NOT NULL,
    PRIMARY KEY (code, hour)
);
