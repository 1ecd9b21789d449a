-- The response number that a campaign's texts show, and the engagement that its approval made for it.

ALTER TABLE campaigns ADD COLUMN response_number text;  -- digits, as in response_numbers
-- Made at a campaign's approval: it begins, moves and ends with the campaign's flight.
ALTER TABLE engagements ADD COLUMN of_flight boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX engagements_of_flight ON engagements (campaign) WHERE of_flight AND state <> 'closed';
