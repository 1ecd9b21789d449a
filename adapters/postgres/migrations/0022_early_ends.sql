-- What control asks each second, beside however many campaigns have ended: who is stopped, and who may go on after all.

CREATE INDEX campaigns_stopped ON campaigns (number) WHERE stopped_at IS NOT NULL;
CREATE INDEX campaigns_cancelled ON campaigns (number) WHERE finish_reason = 'cancelled';
CREATE INDEX campaigns_spent ON campaigns (ends_at) WHERE finish_reason = 'quantity';
