-- migrate:up
-- Why: money arrives through providers that repeat, reorder and lose what they say. An attempt is
-- ours before a provider hears of it, and a notice is kept before it is believed.
SET LOCAL lock_timeout = '2s';

CREATE SCHEMA payments;
GRANT USAGE ON SCHEMA payments TO onepark_service, onepark_staff;

CREATE TABLE payments.attempt (
    attempt_no text NOT NULL,
    lot_id bigint NOT NULL,
    operator_id bigint NOT NULL,
    order_no text NOT NULL,
    charge_no integer NOT NULL,
    channel text NOT NULL,
    amount_fen bigint NOT NULL,
    state text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    code_url text,
    provider_txn text,
    paid_at timestamptz,
    surplus boolean NOT NULL DEFAULT false,
    queries integer NOT NULL DEFAULT 0,
    next_query_at timestamptz,
    CONSTRAINT attempt_key PRIMARY KEY (attempt_no),
    CONSTRAINT attempt_amount CHECK (amount_fen > 0),
    CONSTRAINT attempt_state CHECK (state IN ('created', 'pending', 'success', 'failed', 'closed')),
    CONSTRAINT attempt_paid CHECK ((state = 'success') = (paid_at IS NOT NULL)),
    CONSTRAINT attempt_surplus CHECK (NOT surplus OR state = 'success')
);
CREATE UNIQUE INDEX attempt_provider_txn ON payments.attempt (channel, provider_txn);
CREATE UNIQUE INDEX attempt_settles_once ON payments.attempt (lot_id, order_no, charge_no)
    WHERE state = 'success' AND NOT surplus;
CREATE INDEX attempt_of_order ON payments.attempt (order_no);
CREATE INDEX attempt_to_query ON payments.attempt (next_query_at)
    WHERE state IN ('created', 'pending');

-- A success is never left: late or repeated words of a provider cannot undo it.
CREATE FUNCTION payments.keep_success() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'success' AND (NEW.state, NEW.amount_fen, NEW.provider_txn, NEW.paid_at)
        IS DISTINCT FROM (OLD.state, OLD.amount_fen, OLD.provider_txn, OLD.paid_at) THEN
        RAISE EXCEPTION 'a successful attempt never changes' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER attempt_keeps_success BEFORE UPDATE ON payments.attempt
    FOR EACH ROW EXECUTE FUNCTION payments.keep_success();

-- One client key, one attempt, for ever.
CREATE TABLE payments.request (
    idempotency_key text NOT NULL,
    fingerprint bytea NOT NULL,
    attempt_no text,
    received_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT request_key PRIMARY KEY (idempotency_key)
);

-- Only verified notices come in here. The event key is the provider's; whether the event changes
-- anything is decided by the attempt, not by this key.
CREATE TABLE payments.notice (
    notice_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel text NOT NULL,
    event_key text NOT NULL,
    event_type text NOT NULL,
    fact text NOT NULL,
    body bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    handled_at timestamptz,
    verdict text,
    tries integer NOT NULL DEFAULT 0,
    CONSTRAINT notice_once UNIQUE (channel, event_key),
    CONSTRAINT notice_handled CHECK ((handled_at IS NULL) = (verdict IS NULL)),
    CONSTRAINT notice_verdict
        CHECK (verdict IN ('applied', 'nothing_new', 'ignored', 'quarantined', 'unmatched'))
);
CREATE INDEX notice_to_handle ON payments.notice (received_at) WHERE handled_at IS NULL;

CALL access.protect('payments.attempt');

CREATE VIEW payments.pub_attempt WITH (security_invoker = true) AS
    SELECT attempt_no, lot_id, operator_id, order_no, charge_no, channel, amount_fen, state,
        surplus, paid_at
    FROM payments.attempt;

GRANT SELECT, INSERT, UPDATE ON payments.attempt, payments.request, payments.notice
    TO onepark_service;
GRANT SELECT ON payments.pub_attempt TO onepark_service;
GRANT SELECT ON payments.attempt TO onepark_staff;

-- migrate:down
-- A step back is a new migration forward.
