-- migrate:up
-- Why: money goes back too. After a time-out a refund is asked for again under its own number, for a
-- second number would be a second refund; and never more goes back than came in.
SET LOCAL lock_timeout = '2s';

-- When the provider may next be asked for a refund of this trade.
ALTER TABLE payments.attempt ADD COLUMN next_refund_at timestamptz;
-- squawk-ignore require-concurrent-index-creation  -- no city runs this yet: the table is small
CREATE INDEX attempt_surplus_paid ON payments.attempt (attempt_no) WHERE surplus;

CREATE TABLE payments.refund (
    refund_no text NOT NULL,
    attempt_no text NOT NULL,
    lot_id bigint NOT NULL,
    operator_id bigint NOT NULL,
    order_no text NOT NULL,
    channel text NOT NULL,
    surplus boolean NOT NULL, -- of an attempt that its order never counted
    amount_fen bigint NOT NULL,
    cause text NOT NULL, -- 'asked' by a person, 'surplus' or 'order': by itself
    reason text NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL,
    request_key text, -- of the request that asked for it
    again_of text, -- the refund that came to nothing and that this one takes the place of
    state text NOT NULL,
    rounds integer NOT NULL DEFAULT 1, -- how often a person had it tried
    tries integer NOT NULL DEFAULT 0,
    next_query_at timestamptz,
    provider_refund text,
    refunded_at timestamptz,
    trouble text, -- what the provider last said or kept to itself
    waits_since_at timestamptz, -- for a person
    due_at timestamptz,
    ruled_at timestamptz, -- what a person made of it
    ruled_by text,
    ruling text,
    ruling_reason text,
    revenue_kind text NOT NULL DEFAULT 'commercial',
    CONSTRAINT refund_key PRIMARY KEY (refund_no),
    CONSTRAINT refund_attempt FOREIGN KEY (attempt_no) REFERENCES payments.attempt,
    CONSTRAINT refund_again FOREIGN KEY (again_of) REFERENCES payments.refund,
    CONSTRAINT refund_amount CHECK (amount_fen > 0),
    CONSTRAINT refund_cause CHECK (cause IN ('asked', 'surplus', 'order')),
    CONSTRAINT refund_surplus CHECK (
        CASE cause WHEN 'surplus' THEN surplus WHEN 'order' THEN NOT surplus ELSE true END),
    CONSTRAINT refund_revenue_kind CHECK (revenue_kind IN ('commercial', 'non_tax')),
    CONSTRAINT refund_state CHECK (
        state IN ('new', 'sent', 'unknown', 'processing', 'abnormal', 'closed', 'success')),
    CONSTRAINT refund_success CHECK ((state = 'success') = (refunded_at IS NOT NULL)),
    -- It is asked about while it is under way, and waits for a person when nothing came of it.
    CONSTRAINT refund_under_way CHECK (
        (state IN ('new', 'sent', 'unknown', 'processing')) = (next_query_at IS NOT NULL)),
    CONSTRAINT refund_waits CHECK (
        (waits_since_at IS NULL) = (due_at IS NULL)
        AND CASE state
            WHEN 'abnormal' THEN waits_since_at IS NOT NULL
            WHEN 'closed' THEN (waits_since_at IS NULL) = (ruling IS NOT NULL)
            ELSE waits_since_at IS NULL
        END),
    CONSTRAINT refund_ruling CHECK (
        ruling IN ('retried', 'paid_elsewhere', 'withdrawn')
        AND num_nulls(ruled_at, ruled_by, ruling, ruling_reason) IN (0, 4))
);
CREATE UNIQUE INDEX refund_of_surplus_once ON payments.refund (attempt_no)
    WHERE cause = 'surplus' AND again_of IS NULL;
CREATE UNIQUE INDEX refund_again_once ON payments.refund (again_of) WHERE again_of IS NOT NULL;
CREATE UNIQUE INDEX refund_of_provider ON payments.refund (channel, provider_refund);
CREATE INDEX refund_of_attempt ON payments.refund (attempt_no);
CREATE INDEX refund_of_order ON payments.refund (order_no);
CREATE INDEX refund_of_request ON payments.refund (request_key) WHERE request_key IS NOT NULL;
CREATE INDEX refund_to_ask ON payments.refund (next_query_at) WHERE next_query_at IS NOT NULL;
CREATE INDEX refund_for_a_person ON payments.refund (due_at) WHERE waits_since_at IS NOT NULL;

-- Refunds of one attempt that may still take money, or took it, never come to more than it brought.
-- The attempt is locked here as well, so that the sum is that of everybody's refunds.
CREATE FUNCTION payments.refund_at_most_paid() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    paid_fen bigint;
    back_fen bigint;
BEGIN
    SELECT amount_fen INTO paid_fen FROM payments.attempt
        WHERE attempt_no = NEW.attempt_no AND state = 'success'
            AND (lot_id, order_no, channel, surplus, revenue_kind)
                = (NEW.lot_id, NEW.order_no, NEW.channel, NEW.surplus, NEW.revenue_kind)
        FOR UPDATE;
    SELECT sum(amount_fen) INTO back_fen FROM payments.refund
        WHERE attempt_no = NEW.attempt_no AND state <> 'closed';
    IF paid_fen IS NULL OR back_fen > paid_fen THEN
        RAISE EXCEPTION 'refunds come to more than was paid' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER refund_within_paid
    AFTER INSERT OR UPDATE OF state, amount_fen ON payments.refund
    FOR EACH ROW EXECUTE FUNCTION payments.refund_at_most_paid();

-- A refund is never another one later, and goes forward only; a person alone has an abnormal one
-- tried again, and a success is never left.
CREATE FUNCTION payments.refund_forward() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    states CONSTANT text[] := ARRAY['new', 'sent', 'unknown', 'processing', 'abnormal', 'closed', 'success'];
    again CONSTANT boolean := OLD.state = 'abnormal' AND NEW.state = 'unknown'
        AND NEW.rounds = OLD.rounds + 1;
BEGIN
    IF (NEW.refund_no, NEW.attempt_no, NEW.amount_fen, NEW.cause, NEW.reason, NEW.asked_by, NEW.asked_at)
        IS DISTINCT FROM
        (OLD.refund_no, OLD.attempt_no, OLD.amount_fen, OLD.cause, OLD.reason, OLD.asked_by, OLD.asked_at)
    THEN
        RAISE EXCEPTION 'a refund never becomes another' USING ERRCODE = 'check_violation';
    END IF;
    IF array_position(states, NEW.state) < array_position(states, OLD.state) AND NOT again THEN
        RAISE EXCEPTION 'a refund goes forward only' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_goes_forward BEFORE UPDATE ON payments.refund
    FOR EACH ROW EXECUTE FUNCTION payments.refund_forward();

-- One client key, one request for refunds, for ever.
CREATE TABLE payments.refund_request (
    request_key text NOT NULL,
    fingerprint bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT refund_request_key PRIMARY KEY (request_key)
);

-- A notice may tell of a payment, of a refund, or of both at once.
ALTER TABLE payments.notice ADD COLUMN refund_fact text;

CALL access.protect('payments.refund');

CREATE VIEW payments.pub_refund WITH (security_invoker = true) AS
    SELECT refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        state, asked_at, refunded_at, ruling
    FROM payments.refund;

-- What orders have to give back, and who is owed it.
-- squawk-ignore require-concurrent-index-creation  -- no city runs this yet: the table is small
CREATE INDEX order_to_give_back ON stays.stay_order (lot_id, order_no) WHERE refund_due_fen > 0;
CREATE VIEW stays.pub_refund_due WITH (security_invoker = true) AS
    SELECT lot_id, order_no, operator_id, refund_due_fen
    FROM stays.stay_order WHERE refund_due_fen > 0;

GRANT SELECT, INSERT, UPDATE ON payments.refund, payments.refund_request TO onepark_service;
GRANT SELECT ON payments.pub_refund, stays.pub_refund_due TO onepark_service;
GRANT SELECT ON payments.refund TO onepark_staff;

-- migrate:down
-- A step back is a new migration forward.
