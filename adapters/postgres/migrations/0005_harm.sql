-- Texts that the SMSC refuses more often than notifications without an ad (engine/breaker.py). Open rows are
-- served nowhere; clearing one lets its text serve again.

CREATE TABLE harmful_versions (
    creative_version int NOT NULL REFERENCES creative_versions (number),
    node             text NOT NULL,
    answered         bigint NOT NULL,
    refused          bigint NOT NULL,
    bare             bigint NOT NULL,
    bare_refused     bigint NOT NULL,
    found_at         timestamptz NOT NULL,
    cleared_at       timestamptz,
    cleared_by       text,
    CHECK ((cleared_at IS NULL) = (cleared_by IS NULL))
);
CREATE UNIQUE INDEX harmful_versions_open ON harmful_versions (creative_version) WHERE cleared_at IS NULL;
