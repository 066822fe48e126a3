-- migrate:up
-- Why: who moves money is not who runs lots, and a password alone must not move any. Sessions can be
-- ended from one moment to the next, so they are rows; so are second factors, with their replays and
-- wrong codes, because a lost Redis must neither open a door nor close one.
SET LOCAL lock_timeout = '2s';

-- squawk-ignore ban-drop-constraint
ALTER TABLE access.account DROP CONSTRAINT account_scope;
-- squawk-ignore constraint-missing-not-valid  -- a city has some hundred accounts
ALTER TABLE access.account ADD CONSTRAINT account_scope CHECK (
    CASE role
        WHEN 'city_admin' THEN operator_id IS NULL
        WHEN 'city_supervisor' THEN operator_id IS NULL
        WHEN 'city_finance' THEN operator_id IS NULL
        WHEN 'city_approver' THEN operator_id IS NULL
        WHEN 'auditor' THEN operator_id IS NULL
        WHEN 'operator_admin' THEN operator_id IS NOT NULL
        WHEN 'operator_clerk' THEN operator_id IS NOT NULL
        WHEN 'operator_finance' THEN operator_id IS NOT NULL
        WHEN 'operator_approver' THEN operator_id IS NOT NULL
        ELSE false
    END);

ALTER TABLE access.account
    ADD COLUMN token_version integer NOT NULL DEFAULT 1,  -- a step ends every session
    ADD COLUMN password_changed_at timestamptz,
    ADD COLUMN disabled_at timestamptz;
GRANT UPDATE (password_hash, password_changed_at, disabled_at, token_version)
    ON access.account TO onepark_service, onepark_staff;
GRANT SELECT (token_version, password_changed_at, disabled_at) ON access.account TO onepark_staff;

-- One login. Refresh tokens are 32 random bytes, so a plain hash of one says nothing.
CREATE TABLE access.session (
    session_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT session_key PRIMARY KEY,
    account_id bigint NOT NULL,
    operator_id bigint,  -- of the account
    token_version integer NOT NULL,
    address_hash bytea NOT NULL,
    started_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    ended_at timestamptz,
    second_factor_at timestamptz,
    refresh_hash bytea NOT NULL,
    spent_hash bytea,  -- of the refresh token before: whoever shows it has a copy
    CONSTRAINT session_of_account FOREIGN KEY (account_id) REFERENCES access.account (account_id),
    CONSTRAINT session_ends CHECK (ends_at > started_at)
);
CREATE INDEX session_by_account ON access.session (account_id, started_at);
CALL access.protect('access.session');
GRANT SELECT, INSERT, DELETE ON access.session TO onepark_service;
GRANT UPDATE (ended_at, second_factor_at, refresh_hash, spent_hash)
    ON access.session TO onepark_service;

-- What proves that a person holds a device: the secret is sealed under the platform's key.
CREATE TABLE access.second_factor (
    account_id bigint CONSTRAINT second_factor_key PRIMARY KEY,
    operator_id bigint,  -- of the account
    sealed bytea,
    confirmed_at timestamptz,
    last_step bigint NOT NULL DEFAULT 0,  -- of the last code that was taken: none before it is
    wrong_codes integer NOT NULL DEFAULT 0,  -- in a row
    last_wrong_at timestamptz,
    pending_sealed bytea,  -- shown to the person, and not proved yet
    pending_at timestamptz,
    CONSTRAINT second_factor_of_account
        FOREIGN KEY (account_id) REFERENCES access.account (account_id),
    CONSTRAINT second_factor_confirmed CHECK ((sealed IS NULL) = (confirmed_at IS NULL)),
    CONSTRAINT second_factor_pending CHECK ((pending_sealed IS NULL) = (pending_at IS NULL))
);
CALL access.protect('access.second_factor');
GRANT SELECT, INSERT, UPDATE, DELETE ON access.second_factor TO onepark_service;
GRANT SELECT (account_id, operator_id, confirmed_at), DELETE ON access.second_factor TO onepark_staff;

CREATE TABLE access.recovery_code (
    account_id bigint NOT NULL,
    number smallint NOT NULL,
    operator_id bigint,  -- of the account
    code_hash text NOT NULL,
    used_at timestamptz,
    CONSTRAINT recovery_code_key PRIMARY KEY (account_id, number),
    CONSTRAINT recovery_code_of_factor FOREIGN KEY (account_id)
        REFERENCES access.second_factor (account_id) ON DELETE CASCADE
);
CALL access.protect('access.recovery_code');
GRANT SELECT, INSERT, DELETE ON access.recovery_code TO onepark_service;
GRANT UPDATE (used_at) ON access.recovery_code TO onepark_service;

-- The trail is read by operator and by person, the newest first.
-- squawk-ignore require-concurrent-index-creation  -- no city runs this yet: the table is small
CREATE INDEX audit_by_operator ON access.audit (operator_id, audit_id);
-- squawk-ignore require-concurrent-index-creation  -- as above
CREATE INDEX audit_by_actor ON access.audit (actor, audit_id);
REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON access.audit
    FROM PUBLIC, onepark_batch, onepark_service, onepark_staff;

-- migrate:down
-- A step back is a new migration forward.
