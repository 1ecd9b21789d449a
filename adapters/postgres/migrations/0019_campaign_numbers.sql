-- The response number that a campaign's texts show, and the engagement that its approval made for it.

ALTER TABLE campaigns ADD COLUMN response_number text;  -- digits, as in response_numbers
-- Made at a campaign's approval: it begins, moves and ends with the campaign's flight.
ALTER TABLE engagements ADD COLUMN of_flight boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX engagements_of_flight ON engagements (campaign) WHERE of_flight AND state <> 'closed';

-- What was told of its coupons last: said once, and again when they were added to in between.
ALTER TABLE engagements ADD COLUMN stock_told text CHECK (stock_told IN ('low', 'out'));
ALTER TABLE campaign_events DROP CONSTRAINT campaign_events_kind_check;
-- An engagement's own events come in its order: `campaign` is less than 0, its number, where it has no campaign.
ALTER TABLE campaign_events ADD CONSTRAINT campaign_events_kind_check CHECK (kind IN ('approved', 'rejected', 'live',
    'at_risk', 'percent_50', 'percent_90', 'percent_100', 'finished', 'taken_down', 'coupons_low', 'coupons_out'));
