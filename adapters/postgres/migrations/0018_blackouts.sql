-- No ads of some categories in some places between two instants, such as electoral silence by state.

CREATE TABLE blackouts (
    number       int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id           uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    reason       text NOT NULL,
    categories   text[] CHECK (cardinality(categories) > 0),  -- null: all
    target       jsonb NOT NULL,                              -- as a campaign's; no include: the whole country
    begins_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL,                        -- half open
    created_at   timestamptz NOT NULL,
    created_by   text NOT NULL,
    withdrawn_at timestamptz,                                 -- from here on it holds no more
    withdrawn_by text,
    version      int NOT NULL DEFAULT 1,
    CHECK (ends_at > begins_at),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
CREATE INDEX blackouts_by_end ON blackouts (ends_at);
CREATE TRIGGER tell_posdata AFTER INSERT OR UPDATE OR DELETE ON blackouts
    FOR EACH ROW EXECUTE FUNCTION tell_posdata();

-- What is held is held of a category, which blackouts may rule out.
ALTER TABLE holds ADD COLUMN category text NOT NULL DEFAULT '';
