-- Who buys what. Instants are timestamptz; target and hours are stored as their documents.

CREATE TABLE brands (
    name     text PRIMARY KEY,
    category text NOT NULL
);

CREATE TABLE campaigns (
    number         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- in journals, leases and plans
    id             uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),  -- for the outside
    name           text NOT NULL,
    brand          text NOT NULL REFERENCES brands (name),
    category       text NOT NULL,
    class          text NOT NULL CHECK (class IN ('guaranteed', 'standard', 'house')),
    target         jsonb NOT NULL,
    starts_at      timestamptz NOT NULL,
    ends_at        timestamptz NOT NULL,
    hours          jsonb NOT NULL,
    pacing         text NOT NULL CHECK (pacing IN ('even', 'asap')),
    test           boolean NOT NULL,
    external_id    text,
    labels         jsonb NOT NULL,
    state          text NOT NULL CHECK (
        state IN ('draft', 'submitted', 'rejected', 'approved', 'live', 'paused', 'finished')
    ),
    finish_reason  text CHECK (finish_reason IN ('quantity', 'ended', 'cancelled')),
    version        int NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL,
    approved_at    timestamptz,
    earliest_start timestamptz,  -- approval and lead time
    stopped_at     timestamptz,  -- taken off the air by operations, whatever its state
    stopped_by     text,
    CHECK (ends_at > starts_at),
    CHECK ((state = 'finished') = (finish_reason IS NOT NULL)),
    CHECK ((stopped_at IS NULL) = (stopped_by IS NULL))
);
CREATE INDEX campaigns_by_state ON campaigns (state);
CREATE INDEX campaigns_by_external_id ON campaigns (external_id);

CREATE TABLE creatives (
    id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    campaign int NOT NULL REFERENCES campaigns (number),
    position int NOT NULL,
    UNIQUE (campaign, position)
);

CREATE TABLE creative_versions (
    number   int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- in journals and counts
    creative uuid NOT NULL REFERENCES creatives (id),
    version  int NOT NULL,
    text     text NOT NULL,
    weight   int NOT NULL CHECK (weight > 0),
    link     text,
    review   text NOT NULL CHECK (review IN ('pending', 'approved', 'rejected', 'taken_down')),
    UNIQUE (creative, version)
);

-- What was reviewed and counted never changes under its number: a changed text is a new version.
CREATE FUNCTION refuse_changed_text() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'creative version % is immutable: add a new version', OLD.number;
END
$$;
CREATE TRIGGER creative_versions_are_immutable
    BEFORE UPDATE OF number, creative, version, text, link ON creative_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_changed_text();
