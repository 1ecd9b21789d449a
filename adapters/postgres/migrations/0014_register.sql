-- Who may get ads: what subscribers chose, with proof; and lists of numbers.

-- One row: its lock orders those who write, so that a version is never seen before a lower one.
CREATE TABLE register (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    version   bigint NOT NULL,  -- rises with every choice
    lists     bigint NOT NULL,  -- rises with every change of a list of numbers
    key_check text              -- tells whether a node has the key under which the numbers are sealed
);
INSERT INTO register (version, lists) VALUES (0, 0);
CREATE TRIGGER tell_posdata AFTER UPDATE ON register
    FOR EACH ROW EXECUTE FUNCTION tell_posdata();

-- Only added to, but for what is erased: the newest row of a number and scope holds, the others are history.
CREATE TABLE subscriber_choices (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version bigint NOT NULL,
    number  bigint NOT NULL,   -- sealed
    scope   text NOT NULL,     -- suppression, all, category:NAME, brand:NAME
    allowed boolean NOT NULL,
    source  text NOT NULL,
    wording text NOT NULL,
    by      text NOT NULL,
    at      timestamptz NOT NULL
);
CREATE INDEX subscriber_choices_number ON subscriber_choices (number, scope, id DESC);
CREATE INDEX subscriber_choices_version ON subscriber_choices (version);

-- Imported lists, such as REPEP. Numbers are sealed; one row holds those that share all but 16 bits.
CREATE TABLE suppression_lists (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    source      text NOT NULL,
    numbers     bigint NOT NULL,
    imported_by text NOT NULL,
    imported_at timestamptz NOT NULL
);
CREATE TABLE suppression_chunks (
    bucket  integer NOT NULL,
    list    integer NOT NULL REFERENCES suppression_lists ON DELETE CASCADE,
    members bytea NOT NULL,  -- the low 16 bits of each, ascending, little endian
    PRIMARY KEY (bucket, list)
);
