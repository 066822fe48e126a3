-- proves: CONSTRAINT payments.attempt.attempt_kind
DO $$
BEGIN
    INSERT INTO payments.attempt (attempt_no, lot_id, operator_id, order_no, charge_no, channel,
        amount_fen, state, created_at, expires_at, kind, jsapi)
    VALUES ('a', 1, 1, 'o', 1, 'c', 1, 'pending', now(), now(), 'qr', '{}');
    RAISE EXCEPTION 'somebody who scans a code calls an app';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.receipt.receipt_key
DO $$
BEGIN
    INSERT INTO payments.receipt (lot_id, receipt_no, operator_id, channel, order_no, amount_fen,
        paid_at, attempt_no, told_by, told_at)
    VALUES (1, 'r', 1, 'cash', 'o', 1, now(), 'a', 'x', now()),
        (1, 'r', 1, 'pos', 'p', 2, now(), 'b', 'x', now());
    RAISE EXCEPTION 'one receipt of a lot was told twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.receipt.receipt_channel
DO $$
BEGIN
    INSERT INTO payments.receipt (lot_id, receipt_no, operator_id, channel, order_no, amount_fen,
        paid_at, attempt_no, told_by, told_at)
    VALUES (1, 'r', 1, 'wechat', 'o', 1, now(), 'a', 'x', now());
    RAISE EXCEPTION 'a lot took money for a provider';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.receipt.receipt_amount
DO $$
BEGIN
    INSERT INTO payments.receipt (lot_id, receipt_no, operator_id, channel, order_no, amount_fen,
        paid_at, attempt_no, told_by, told_at)
    VALUES (1, 'r', 1, 'cash', 'o', 0, now(), 'a', 'x', now());
    RAISE EXCEPTION 'a lot took nothing';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;
