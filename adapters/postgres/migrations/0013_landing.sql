-- Where a short link's target ends after its redirects, looked at once the campaign was submitted.

ALTER TABLE links
    ADD COLUMN landing_host text,
    ADD COLUMN landing_fault text,  -- why it is not known, or what is wrong there
    ADD COLUMN landed_at timestamptz;
CREATE INDEX links_not_landed ON links (version) WHERE landed_at IS NULL;
