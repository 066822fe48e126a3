INSERT INTO payments.attempt (attempt_no, lot_id, operator_id, order_no, charge_no, channel,
    amount_fen, state, created_at, expires_at, provider_txn, paid_at, surplus)
VALUES ('a', 1, 1, 'o', 1, 'c', 100, 'success', now(), now(), 't', now(), false),
    ('s', 1, 1, 'o', 1, 'c', 100, 'success', now(), now(), 'u', now(), true),
    ('p', 1, 1, 'o', 2, 'c', 100, 'pending', now(), now(), NULL, NULL, false);

-- proves: CONSTRAINT payments.refund.refund_key
DO $$
BEGIN
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        reason, asked_by, asked_at, state, next_query_at)
    VALUES ('r', 'a', 1, 1, 'o', 'c', false, 1, 'asked', 'why', 'me', now(), 'new', now()),
        ('r', 'a', 1, 1, 'o', 'c', false, 1, 'asked', 'why', 'me', now(), 'new', now());
    RAISE EXCEPTION 'one number names two refunds';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.refund.refund_attempt
DO $$
BEGIN
    ALTER TABLE payments.refund DISABLE TRIGGER refund_within_paid;
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        reason, asked_by, asked_at, state, next_query_at)
    VALUES ('r', 'none', 1, 1, 'o', 'c', false, 1, 'asked', 'why', 'me', now(), 'new', now());
    RAISE EXCEPTION 'a refund of no payment';
EXCEPTION WHEN foreign_key_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.refund.refund_again
DO $$
BEGIN
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        reason, asked_by, asked_at, state, next_query_at, again_of)
    VALUES ('r', 'a', 1, 1, 'o', 'c', false, 1, 'asked', 'why', 'me', now(), 'new', now(), 'none');
    RAISE EXCEPTION 'a refund takes the place of none';
EXCEPTION WHEN foreign_key_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.refund.refund_amount
DO $$
BEGIN
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        reason, asked_by, asked_at, state, next_query_at)
    VALUES ('r', 'a', 1, 1, 'o', 'c', false, 0, 'asked', 'why', 'me', now(), 'new', now());
    RAISE EXCEPTION 'a refund of nothing';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.refund.refund_cause
DO $$
BEGIN
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        reason, asked_by, asked_at, state, next_query_at)
    VALUES ('r', 'a', 1, 1, 'o', 'c', false, 1, 'whim', 'why', 'me', now(), 'new', now());
    RAISE EXCEPTION 'a refund has a cause of its own';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.refund.refund_surplus
DO $$
BEGIN
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        reason, asked_by, asked_at, state, next_query_at)
    VALUES ('r', 'a', 1, 1, 'o', 'c', false, 1, 'surplus', 'why', 'me', now(), 'new', now());
    RAISE EXCEPTION 'what settled a charge went back as surplus';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.refund.refund_state
DO $$
BEGIN
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        reason, asked_by, asked_at, state, next_query_at)
    VALUES ('r', 'a', 1, 1, 'o', 'c', false, 1, 'asked', 'why', 'me', now(), 'lost', NULL);
    RAISE EXCEPTION 'a refund has a state of its own';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.refund.refund_revenue_kind
DO $$
BEGIN
    ALTER TABLE payments.refund DISABLE TRIGGER refund_within_paid;
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        reason, asked_by, asked_at, state, next_query_at, revenue_kind)
    VALUES ('r', 'a', 1, 1, 'o', 'c', false, 1, 'asked', 'why', 'me', now(), 'new', now(), 'gift');
    RAISE EXCEPTION 'a refund is of no kind of revenue';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.refund.refund_success
DO $$
BEGIN
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        reason, asked_by, asked_at, state, next_query_at)
    VALUES ('r', 'a', 1, 1, 'o', 'c', false, 1, 'asked', 'why', 'me', now(), 'success', NULL);
    RAISE EXCEPTION 'a refund succeeded at no time';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.refund.refund_under_way
DO $$
BEGIN
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        reason, asked_by, asked_at, state, next_query_at)
    VALUES ('r', 'a', 1, 1, 'o', 'c', false, 1, 'asked', 'why', 'me', now(), 'unknown', NULL);
    RAISE EXCEPTION 'nobody asks after a refund';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.refund.refund_waits
DO $$
BEGIN
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        reason, asked_by, asked_at, state, next_query_at)
    VALUES ('r', 'a', 1, 1, 'o', 'c', false, 1, 'asked', 'why', 'me', now(), 'abnormal', NULL);
    RAISE EXCEPTION 'an abnormal refund waits for nobody';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.refund.refund_ruling
DO $$
BEGIN
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        reason, asked_by, asked_at, state, next_query_at, ruling)
    VALUES ('r', 'a', 1, 1, 'o', 'c', false, 1, 'asked', 'why', 'me', now(), 'closed', NULL, 'withdrawn');
    RAISE EXCEPTION 'nobody ruled on a refund, and it is ruled';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: INDEX payments.refund_of_surplus_once
DO $$
BEGIN
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        reason, asked_by, asked_at, state, next_query_at)
    VALUES ('q', 's', 1, 1, 'o', 'c', true, 1, 'surplus', 'why', 'me', now(), 'new', now()),
        ('r', 's', 1, 1, 'o', 'c', true, 1, 'surplus', 'why', 'me', now(), 'new', now());
    RAISE EXCEPTION 'one surplus went back twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: INDEX payments.refund_again_once
DO $$
BEGIN
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        reason, asked_by, asked_at, state, next_query_at)
    VALUES ('q', 'a', 1, 1, 'o', 'c', false, 1, 'asked', 'why', 'me', now(), 'new', now());
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        reason, asked_by, asked_at, state, next_query_at, again_of)
    VALUES ('r', 'a', 1, 1, 'o', 'c', false, 1, 'asked', 'why', 'me', now(), 'new', now(), 'q'),
        ('t', 'a', 1, 1, 'o', 'c', false, 1, 'asked', 'why', 'me', now(), 'new', now(), 'q');
    RAISE EXCEPTION 'two refunds take one place';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: INDEX payments.refund_of_provider
DO $$
BEGIN
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        reason, asked_by, asked_at, state, next_query_at, provider_refund)
    VALUES ('q', 'a', 1, 1, 'o', 'c', false, 1, 'asked', 'why', 'me', now(), 'new', now(), 'x'),
        ('r', 'a', 1, 1, 'o', 'c', false, 1, 'asked', 'why', 'me', now(), 'new', now(), 'x');
    RAISE EXCEPTION 'one refund of a provider is two of ours';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: TRIGGER payments.refund.refund_within_paid
DO $$
BEGIN
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        reason, asked_by, asked_at, state, next_query_at)
    VALUES ('q', 'a', 1, 1, 'o', 'c', false, 60, 'asked', 'why', 'me', now(), 'new', now()),
        ('r', 'a', 1, 1, 'o', 'c', false, 41, 'asked', 'why', 'me', now(), 'new', now());
    RAISE EXCEPTION 'more went back than was paid';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: TRIGGER payments.refund.refund_within_paid
DO $$
BEGIN
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        reason, asked_by, asked_at, state, next_query_at)
    VALUES ('q', 'p', 1, 1, 'o', 'c', false, 1, 'asked', 'why', 'me', now(), 'new', now());
    RAISE EXCEPTION 'an unpaid attempt was refunded';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: TRIGGER payments.refund.refund_goes_forward
DO $$
BEGIN
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        reason, asked_by, asked_at, state, next_query_at)
    VALUES ('r', 'a', 1, 1, 'o', 'c', false, 1, 'asked', 'why', 'me', now(), 'processing', now());
    UPDATE payments.refund SET state = 'sent' WHERE refund_no = 'r';
    RAISE EXCEPTION 'a refund went back';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: TRIGGER payments.refund.refund_goes_forward
DO $$
BEGIN
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
        reason, asked_by, asked_at, state, next_query_at)
    VALUES ('r', 'a', 1, 1, 'o', 'c', false, 1, 'asked', 'why', 'me', now(), 'new', now());
    UPDATE payments.refund SET amount_fen = 2 WHERE refund_no = 'r';
    RAISE EXCEPTION 'a refund became another';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.refund_request.refund_request_key
DO $$
BEGIN
    INSERT INTO payments.refund_request (request_key, fingerprint) VALUES ('k', ''), ('k', '');
    RAISE EXCEPTION 'one key asked twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;
