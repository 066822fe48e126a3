-- proves: CONSTRAINT payments.attempt.attempt_key
DO $$
BEGIN
    INSERT INTO payments.attempt (attempt_no, lot_id, operator_id, order_no, charge_no, channel,
        amount_fen, state, created_at, expires_at, provider_txn, paid_at, surplus)
    VALUES ('a', 1, 1, 'o', 1, 'c', 1, 'pending', now(), now(), NULL, NULL, false),
        ('a', 1, 1, 'o', 1, 'c', 1, 'pending', now(), now(), NULL, NULL, false);
    RAISE EXCEPTION 'one number names two attempts';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.attempt.attempt_amount
DO $$
BEGIN
    INSERT INTO payments.attempt (attempt_no, lot_id, operator_id, order_no, charge_no, channel,
        amount_fen, state, created_at, expires_at, provider_txn, paid_at, surplus)
    VALUES ('a', 1, 1, 'o', 1, 'c', 0, 'pending', now(), now(), NULL, NULL, false);
    RAISE EXCEPTION 'an attempt pays nothing';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.attempt.attempt_state
DO $$
BEGIN
    INSERT INTO payments.attempt (attempt_no, lot_id, operator_id, order_no, charge_no, channel,
        amount_fen, state, created_at, expires_at, provider_txn, paid_at, surplus)
    VALUES ('a', 1, 1, 'o', 1, 'c', 1, 'lost', now(), now(), NULL, NULL, false);
    RAISE EXCEPTION 'an attempt has a state of its own';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.attempt.attempt_paid
DO $$
BEGIN
    INSERT INTO payments.attempt (attempt_no, lot_id, operator_id, order_no, charge_no, channel,
        amount_fen, state, created_at, expires_at, provider_txn, paid_at, surplus)
    VALUES ('a', 1, 1, 'o', 1, 'c', 1, 'success', now(), now(), NULL, NULL, false);
    RAISE EXCEPTION 'an attempt succeeded at no time';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.attempt.attempt_surplus
DO $$
BEGIN
    INSERT INTO payments.attempt (attempt_no, lot_id, operator_id, order_no, charge_no, channel,
        amount_fen, state, created_at, expires_at, provider_txn, paid_at, surplus)
    VALUES ('a', 1, 1, 'o', 1, 'c', 1, 'pending', now(), now(), NULL, NULL, true);
    RAISE EXCEPTION 'an unpaid attempt is to be refunded';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: INDEX payments.attempt_provider_txn
DO $$
BEGIN
    INSERT INTO payments.attempt (attempt_no, lot_id, operator_id, order_no, charge_no, channel,
        amount_fen, state, created_at, expires_at, provider_txn, paid_at, surplus)
    VALUES ('a', 1, 1, 'o', 1, 'c', 1, 'pending', now(), now(), 't', NULL, false),
        ('b', 1, 1, 'o', 1, 'c', 1, 'pending', now(), now(), 't', NULL, false);
    RAISE EXCEPTION 'one transaction of a provider paid twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: INDEX payments.attempt_settles_once
DO $$
BEGIN
    INSERT INTO payments.attempt (attempt_no, lot_id, operator_id, order_no, charge_no, channel,
        amount_fen, state, created_at, expires_at, provider_txn, paid_at, surplus)
    VALUES ('a', 1, 1, 'o', 1, 'c', 1, 'success', now(), now(), NULL, now(), false),
        ('b', 1, 1, 'o', 1, 'c', 1, 'success', now(), now(), NULL, now(), false);
    RAISE EXCEPTION 'one charge was settled by two attempts';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: TRIGGER payments.attempt.attempt_keeps_success
DO $$
BEGIN
    INSERT INTO payments.attempt (attempt_no, lot_id, operator_id, order_no, charge_no, channel,
        amount_fen, state, created_at, expires_at, provider_txn, paid_at, surplus)
    VALUES ('a', 1, 1, 'o', 1, 'c', 1, 'success', now(), now(), NULL, now(), false);
    UPDATE payments.attempt SET state = 'closed', paid_at = NULL WHERE attempt_no = 'a';
    RAISE EXCEPTION 'a success was undone';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.request.request_key
DO $$
BEGIN
    INSERT INTO payments.request (idempotency_key, fingerprint) VALUES ('k', ''), ('k', '');
    RAISE EXCEPTION 'one key began two payments';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.notice.notice_once
DO $$
BEGIN
    INSERT INTO payments.notice (channel, event_key, event_type, fact, body, handled_at, verdict)
    VALUES ('c', 'k', 't', 'null', '', NULL, NULL),
        ('c', 'k', 't', 'null', '', NULL, NULL);
    RAISE EXCEPTION 'one notice was kept twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.notice.notice_handled
DO $$
BEGIN
    INSERT INTO payments.notice (channel, event_key, event_type, fact, body, handled_at, verdict)
    VALUES ('c', 'k', 't', 'null', '', now(), NULL);
    RAISE EXCEPTION 'a notice was handled without a verdict';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.notice.notice_verdict
DO $$
BEGIN
    INSERT INTO payments.notice (channel, event_key, event_type, fact, body, handled_at, verdict)
    VALUES ('c', 'k', 't', 'null', '', now(), 'lost');
    RAISE EXCEPTION 'a notice has a verdict of its own';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;
