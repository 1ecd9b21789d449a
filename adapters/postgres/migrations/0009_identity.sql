-- Who may do what: organisations, their brands, users, API keys, console sessions; and who did what.

CREATE TABLE organisations (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name       text NOT NULL UNIQUE,
    kind       text NOT NULL CHECK (kind IN ('carrier', 'advertiser', 'agency')),
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX organisations_one_carrier ON organisations (kind) WHERE kind = 'carrier';

-- A brand without an owner was registered by an import; only the carrier sees it.
ALTER TABLE brands ADD COLUMN organisation uuid REFERENCES organisations (id);

-- Brands that an agency acts for.
CREATE TABLE brand_grants (
    brand        text NOT NULL REFERENCES brands (name),
    organisation uuid NOT NULL REFERENCES organisations (id),
    PRIMARY KEY (brand, organisation)
);

CREATE TABLE users (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email         text NOT NULL UNIQUE CHECK (email = lower(email)),
    name          text NOT NULL,
    password_hash text,  -- argon2id; null until the first password is set
    organisation  uuid NOT NULL REFERENCES organisations (id),
    role          text NOT NULL CHECK (role IN ('advertiser', 'brand_manager', 'approver', 'ops', 'admin')),
    brands        text[],  -- null: every brand of the organisation
    language      text NOT NULL DEFAULT 'es' CHECK (language IN ('es', 'en')),
    failed_logins int NOT NULL DEFAULT 0,
    locked_until  timestamptz,
    created_at    timestamptz NOT NULL,
    disabled_at   timestamptz
);

CREATE TABLE api_keys (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name         text NOT NULL,
    prefix       text NOT NULL,  -- its first characters, to be recognised by
    sha256       bytea NOT NULL UNIQUE,
    organisation uuid NOT NULL REFERENCES organisations (id),
    role         text NOT NULL CHECK (role IN ('advertiser', 'brand_manager', 'approver', 'ops', 'admin')),
    brands       text[],
    scopes       text[] NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL,
    created_by   text NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz
);

-- The console's sessions; the cookie holds the token, the table only its hash.
CREATE TABLE web_sessions (
    sha256     bytea PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES users (id),
    csrf       text NOT NULL,
    created_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX web_sessions_by_user ON web_sessions (user_id);

-- Every change, chained by hash: a row that is altered or missing shows.
CREATE TABLE audit (
    sequence     bigint PRIMARY KEY,
    at           timestamptz NOT NULL,
    actor        text NOT NULL,
    action       text NOT NULL,
    subject_type text NOT NULL,
    subject_id   text NOT NULL,
    before       jsonb,
    after        jsonb,
    hash         bytea NOT NULL  -- sha256 of the former row's hash and of this row (adapters/postgres/audit.py)
);
CREATE INDEX audit_by_subject ON audit (subject_type, subject_id);

CREATE FUNCTION refuse_change_of_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit();

-- Answers to requests that carried an Idempotency-Key, for 48 hours.
CREATE TABLE remembered_answers (
    principal   text NOT NULL,
    key         text NOT NULL,
    fingerprint text NOT NULL,
    begun_at    timestamptz NOT NULL,
    status      int,  -- null while the first request is being answered
    headers     jsonb,
    body        bytea,
    PRIMARY KEY (principal, key)
);
CREATE INDEX remembered_answers_by_age ON remembered_answers (begun_at);
