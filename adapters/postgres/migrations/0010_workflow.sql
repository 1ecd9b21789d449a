-- The workflow: who wrote, submitted and decided, drafts that are not complete yet, texts that were taken out.

ALTER TABLE campaigns
    ALTER COLUMN starts_at DROP NOT NULL,
    ALTER COLUMN ends_at DROP NOT NULL,
    ADD COLUMN created_by text,  -- names, as the audit log has them
    ADD COLUMN submitted_at timestamptz,
    ADD COLUMN submitted_by text,
    ADD COLUMN decided_at timestamptz,
    ADD COLUMN decided_by text,  -- null beside decided_at: the clock (too late)
    ADD COLUMN reject_reason text,
    ADD COLUMN authors text[] NOT NULL DEFAULT '{}',  -- ids of who created, edited or submitted: four eyes
    ADD COLUMN paused_by_carrier boolean NOT NULL DEFAULT false,
    -- A draft with faults: what was sent, as it was sent, and what is wrong with it. The other columns hold its
    -- name and brand, and otherwise nothing that anybody asked for.
    ADD COLUMN document jsonb,
    ADD COLUMN faults jsonb,
    ADD CHECK ((document IS NULL) = (faults IS NULL)),
    ADD CHECK (document IS NULL OR state = 'draft' OR finish_reason = 'cancelled'),
    ADD CHECK (document IS NOT NULL OR (starts_at IS NOT NULL AND ends_at IS NOT NULL)),
    ADD CHECK (state <> 'rejected' OR reject_reason IS NOT NULL);
CREATE INDEX campaigns_by_brand ON campaigns (brand, number);

-- What a campaign no longer wants is neither listed nor served; what it counted stays.
ALTER TABLE creatives ADD COLUMN removed_at timestamptz;
ALTER TABLE creatives DROP CONSTRAINT creatives_campaign_position_key;
CREATE UNIQUE INDEX creatives_positions ON creatives (campaign, position) WHERE removed_at IS NULL;

ALTER TABLE creative_versions
    ADD COLUMN written_by text,  -- an id, as in campaigns.authors
    ADD COLUMN written_at timestamptz,
    ADD COLUMN reviewed_by text,
    ADD COLUMN reviewed_at timestamptz,
    ADD COLUMN reason text;
CREATE INDEX creative_versions_refused ON creative_versions (number)
    WHERE review IN ('rejected', 'taken_down');
