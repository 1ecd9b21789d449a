-- Answers on their way out, and what is said to those who write to the short code.

ALTER TABLE answers DROP CONSTRAINT answers_state_check;
-- due → claimed (coupon given) → sending (about to leave) → sent → delivered or failed (by receipt). Whatever is
-- `sending` when its sender dies is `unknown`: it may have left. `waiting` for a coupon: there was none left.
ALTER TABLE answers ADD CONSTRAINT answers_state_check CHECK (state IN ('due', 'waiting', 'claimed', 'sending', 'sent',
    'delivered', 'failed', 'unknown'));
ALTER TABLE answers ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY UNIQUE;
CREATE INDEX answers_under_way ON answers (state) WHERE state IN ('claimed', 'sending');
CREATE INDEX answers_by_message_id ON answers (message_id) WHERE message_id IS NOT NULL AND state = 'sent';
CREATE INDEX answers_waiting ON answers (engagement, lead) WHERE state = 'waiting';

-- The answer to a word sent to the short code: to a way out when it changed something, to help once a day.
CREATE TABLE notices (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscriber bigint NOT NULL,  -- sealed (segments/seal.py)
    wish       text NOT NULL CHECK (wish IN ('out', 'help')),
    day        date NOT NULL,
    state      text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'claimed', 'sending', 'sent', 'delivered', 'failed',
        'unknown')),
    attempts   int NOT NULL DEFAULT 0,
    next_at    timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    sent_at    timestamptz,
    message_id text,
    fault      text
);
CREATE UNIQUE INDEX notices_of_help ON notices (subscriber, day) WHERE wish = 'help';
CREATE INDEX notices_due ON notices (next_at, number) WHERE state = 'due';
CREATE INDEX notices_under_way ON notices (state) WHERE state IN ('claimed', 'sending');
CREATE INDEX notices_by_message_id ON notices (message_id) WHERE message_id IS NOT NULL AND state = 'sent';

-- Receipts that came before the answer of their message was written, for a day.
CREATE TABLE answer_receipts (
    message_id text NOT NULL,
    state      text NOT NULL CHECK (state IN ('delivered', 'failed')),
    at         timestamptz NOT NULL
);
CREATE INDEX answer_receipts_by_message_id ON answer_receipts (message_id);
CREATE INDEX answer_receipts_by_age ON answer_receipts (at);
