-- proves: CONSTRAINT gate.command.command_kind
DO $$
BEGIN
    INSERT INTO gate.command (lot_id, operator_id, device_id, lane, kind, reason, passage_id, plate, car_key,
        order_no, created_at, expires_at, acked_at, result)
    VALUES (1, 1, 'd', 'l', 'explode', 'paid', 'p', '苏B00000', '苏B00000/blue', 'o', now(), now() + interval '30 s', NULL, NULL);
    RAISE EXCEPTION 'a device was told something it does not know';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT gate.command.command_once
DO $$
BEGIN
    INSERT INTO gate.command (lot_id, operator_id, device_id, lane, kind, reason, passage_id, plate, car_key,
        order_no, created_at, expires_at, acked_at, result)
    VALUES (1, 1, 'd', 'l', 'open', 'paid', 'p', '苏B00000', '苏B00000/blue', 'o', now(), now() + interval '30 s', NULL, NULL),
        (1, 1, 'd', 'l', 'open', 'paid', 'p', '苏B00000', '苏B00000/blue', 'o', now(), now() + interval '30 s', NULL, NULL);
    RAISE EXCEPTION 'one exit request opened twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT gate.command.command_expires
DO $$
BEGIN
    INSERT INTO gate.command (lot_id, operator_id, device_id, lane, kind, reason, passage_id, plate, car_key,
        order_no, created_at, expires_at, acked_at, result)
    VALUES (1, 1, 'd', 'l', 'open', 'paid', 'p', '苏B00000', '苏B00000/blue', 'o', now(), now(), NULL, NULL);
    RAISE EXCEPTION 'a command was void before it was given';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT gate.command.command_acked
DO $$
BEGIN
    INSERT INTO gate.command (lot_id, operator_id, device_id, lane, kind, reason, passage_id, plate, car_key,
        order_no, created_at, expires_at, acked_at, result)
    VALUES (1, 1, 'd', 'l', 'open', 'paid', 'p', '苏B00000', '苏B00000/blue', 'o', now(), now() + interval '30 s', now(), NULL);
    RAISE EXCEPTION 'a command was acknowledged without a result';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT gate.command.command_result
DO $$
BEGIN
    INSERT INTO gate.command (lot_id, operator_id, device_id, lane, kind, reason, passage_id, plate, car_key,
        order_no, created_at, expires_at, acked_at, result)
    VALUES (1, 1, 'd', 'l', 'open', 'paid', 'p', '苏B00000', '苏B00000/blue', 'o', now(), now() + interval '30 s', now(), 'maybe');
    RAISE EXCEPTION 'a command has a result of its own';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT gate.device_status.device_status_key
DO $$
BEGIN
    INSERT INTO gate.device_status (lot_id, device_id, operator_id, heard_at)
    VALUES (1, 'd', 1, now()), (1, 'd', 1, now());
    RAISE EXCEPTION 'one device has two states';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;
