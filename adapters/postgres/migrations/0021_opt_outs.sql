-- Opt-outs by day and source, and which number an answer answers.

CREATE INDEX subscriber_choices_opt_outs ON subscriber_choices (at) WHERE scope = 'suppression';

ALTER TABLE answers ADD COLUMN digits text NOT NULL DEFAULT '';  -- the number that was called
