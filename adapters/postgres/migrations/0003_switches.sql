-- What operations switch, which nodes know it, and the word that something changed.

CREATE TABLE switches (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    version    bigint NOT NULL,  -- rises with every switch and every stopped campaign
    ads_on     boolean NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL
);
INSERT INTO switches (version, ads_on, changed_by, changed_at) VALUES (1, true, 'posdata', now());

CREATE TABLE nodes (
    name      text PRIMARY KEY,
    seen_at   timestamptz NOT NULL,
    confirmed bigint NOT NULL,  -- the switches' version that all its workers act on
    status    jsonb NOT NULL
);

-- For each row, so that a statement that changes nothing tells nobody; PostgreSQL sends equal words once.
CREATE FUNCTION tell_posdata() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('posdata', TG_TABLE_NAME);
    RETURN NULL;
END
$$;
CREATE TRIGGER tell_posdata AFTER INSERT OR UPDATE OR DELETE ON campaigns
    FOR EACH ROW EXECUTE FUNCTION tell_posdata();
CREATE TRIGGER tell_posdata AFTER INSERT OR UPDATE OR DELETE ON creative_versions
    FOR EACH ROW EXECUTE FUNCTION tell_posdata();
CREATE TRIGGER tell_posdata AFTER UPDATE ON switches
    FOR EACH ROW EXECUTE FUNCTION tell_posdata();
