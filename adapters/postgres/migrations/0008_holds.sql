-- Quantities kept for somebody for a while: from the form, and from submission to the decision.

CREATE TABLE holds (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    campaign   int UNIQUE REFERENCES campaigns (number),  -- null: from the form, before there is one
    held_by    text NOT NULL,
    name       text NOT NULL,
    class      text NOT NULL CHECK (class IN ('guaranteed', 'standard', 'house')),
    target     jsonb NOT NULL,
    opens      timestamptz NOT NULL,
    closes     timestamptz NOT NULL,
    hours      jsonb NOT NULL,
    size       int NOT NULL,  -- characters of the room that its shortest text takes
    quantity   bigint NOT NULL CHECK (quantity > 0),
    expires_at timestamptz NOT NULL,
    CHECK (closes > opens)
);
CREATE INDEX holds_by_expiry ON holds (expires_at);
