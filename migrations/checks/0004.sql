-- proves: CONSTRAINT stays.claim.claim_key
DO $$
BEGIN
    INSERT INTO stays.claim (lot_id, device_id, passage_id, fingerprint)
    VALUES (1, 'd', 'p', ''), (1, 'd', 'p', '');
    RAISE EXCEPTION 'one passage id of a device was claimed twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.car.car_key
DO $$
BEGIN
    INSERT INTO stays.car (lot_id, car_key, operator_id) VALUES (1, 'k', 1), (1, 'k', 1);
    RAISE EXCEPTION 'one car has two rows to meet at';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.stay.stay_key
DO $$
BEGIN
    INSERT INTO stays.stay VALUES (1, 1, 1, 'k', '苏B00000', 'blue', 'small', 'short_stay', NULL, 'open', '{}', now(), NULL, NULL, NULL, false, NULL, NULL);
    INSERT INTO stays.stay VALUES (1, 1, 1, 'k', '苏B00000', 'blue', 'small', 'short_stay', NULL, 'open', '{}', now(), NULL, NULL, NULL, false, NULL, NULL);
    RAISE EXCEPTION 'one number names two stays';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.stay.stay_state
DO $$
BEGIN
    INSERT INTO stays.stay VALUES (1, 1, 1, 'k', '苏B00000', 'blue', 'small', 'short_stay', NULL, 'open', '{}', now(), NULL, now(), NULL, false, NULL, NULL);
    RAISE EXCEPTION 'an open stay has an exit';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.stay.stay_forward
DO $$
BEGIN
    INSERT INTO stays.stay VALUES (1, 1, 1, 'k', '苏B00000', 'blue', 'small', 'short_stay', NULL, 'closed', '{}', now(), NULL, now() - interval '1 minute', NULL, false, NULL, NULL);
    RAISE EXCEPTION 'a car left before it came';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.stay_order.order_key
DO $$
BEGIN
    INSERT INTO stays.stay_order (lot_id, order_no, stay_id, operator_id, car_key, plate, state,
        opened_at, fee_fen, owed_fen, paid_fen, written_off_fen, refund_due_fen, settled)
    VALUES (1, 'o', 1, 1, 'k', '苏B00000', 'open', now(), NULL, NULL, 0, 0, 0, false),
        (1, 'o', 2, 1, 'k', '苏B00000', 'open', now(), NULL, NULL, 0, 0, 0, false);
    RAISE EXCEPTION 'one number names two orders';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: INDEX stays.order_of_stay
DO $$
BEGIN
    INSERT INTO stays.stay_order (lot_id, order_no, stay_id, operator_id, car_key, plate, state,
        opened_at, fee_fen, owed_fen, paid_fen, written_off_fen, refund_due_fen, settled)
    VALUES (1, 'o', 1, 1, 'k', '苏B00000', 'open', now(), NULL, NULL, 0, 0, 0, false),
        (1, 'p', 1, 1, 'k', '苏B00000', 'open', now(), NULL, NULL, 0, 0, 0, false);
    RAISE EXCEPTION 'one stay has two orders';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.stay_order.order_state
DO $$
BEGIN
    INSERT INTO stays.stay_order (lot_id, order_no, stay_id, operator_id, car_key, plate, state,
        opened_at, fee_fen, owed_fen, paid_fen, written_off_fen, refund_due_fen, settled)
    VALUES (1, 'o', 1, 1, 'k', '苏B00000', 'lost', now(), NULL, NULL, 0, 0, 0, false);
    RAISE EXCEPTION 'an order has a state of its own';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.stay_order.order_money
DO $$
BEGIN
    INSERT INTO stays.stay_order (lot_id, order_no, stay_id, operator_id, car_key, plate, state,
        opened_at, fee_fen, owed_fen, paid_fen, written_off_fen, refund_due_fen, settled)
    VALUES (1, 'o', 1, 1, 'k', '苏B00000', 'open', now(), 1000, 400, 500, 0, 0, false);
    RAISE EXCEPTION 'the money of an order does not add up';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.stay_order.order_settled
DO $$
BEGIN
    INSERT INTO stays.stay_order (lot_id, order_no, stay_id, operator_id, car_key, plate, state,
        opened_at, fee_fen, owed_fen, paid_fen, written_off_fen, refund_due_fen, settled)
    VALUES (1, 'o', 1, 1, 'k', '苏B00000', 'open', now(), 1000, 1000, 0, 0, 0, true);
    RAISE EXCEPTION 'an order that owes is settled';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.charge.charge_key
DO $$
BEGIN
    INSERT INTO stays.stay_order (lot_id, order_no, stay_id, operator_id, car_key, plate, state,
        opened_at, fee_fen, owed_fen, paid_fen, written_off_fen, refund_due_fen, settled)
    VALUES (1, 'o', 1, 1, 'k', '苏B00000', 'open', now(), NULL, NULL, 0, 0, 0, false);
    INSERT INTO stays.charge (lot_id, order_no, charge_no, operator_id, amount_fen, priced_until_at,
        lines, state, frozen_at, settled_by, settled_at)
    VALUES (1, 'o', 1, 1, 1, now(), '[]', 'dropped', now(), NULL, NULL),
        (1, 'o', 1, 1, 2, now(), '[]', 'dropped', now(), NULL, NULL);
    RAISE EXCEPTION 'one charge has two amounts';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.charge.charge_order
DO $$
BEGIN
    INSERT INTO stays.charge (lot_id, order_no, charge_no, operator_id, amount_fen, priced_until_at,
        lines, state, frozen_at, settled_by, settled_at)
    VALUES (1, 'o', 1, 1, 1, now(), '[]', 'live', now(), NULL, NULL);
    SET CONSTRAINTS ALL IMMEDIATE;
    RAISE EXCEPTION 'a charge belongs to no order';
EXCEPTION WHEN foreign_key_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.charge.charge_amount
DO $$
BEGIN
    INSERT INTO stays.stay_order (lot_id, order_no, stay_id, operator_id, car_key, plate, state,
        opened_at, fee_fen, owed_fen, paid_fen, written_off_fen, refund_due_fen, settled)
    VALUES (1, 'o', 1, 1, 'k', '苏B00000', 'open', now(), NULL, NULL, 0, 0, 0, false);
    INSERT INTO stays.charge (lot_id, order_no, charge_no, operator_id, amount_fen, priced_until_at,
        lines, state, frozen_at, settled_by, settled_at)
    VALUES (1, 'o', 1, 1, 0, now(), '[]', 'live', now(), NULL, NULL);
    RAISE EXCEPTION 'a charge is worth nothing';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.charge.charge_state
DO $$
BEGIN
    INSERT INTO stays.stay_order (lot_id, order_no, stay_id, operator_id, car_key, plate, state,
        opened_at, fee_fen, owed_fen, paid_fen, written_off_fen, refund_due_fen, settled)
    VALUES (1, 'o', 1, 1, 'k', '苏B00000', 'open', now(), NULL, NULL, 0, 0, 0, false);
    INSERT INTO stays.charge (lot_id, order_no, charge_no, operator_id, amount_fen, priced_until_at,
        lines, state, frozen_at, settled_by, settled_at)
    VALUES (1, 'o', 1, 1, 1, now(), '[]', 'lost', now(), NULL, NULL);
    RAISE EXCEPTION 'a charge has a state of its own';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.charge.charge_settled
DO $$
BEGIN
    INSERT INTO stays.stay_order (lot_id, order_no, stay_id, operator_id, car_key, plate, state,
        opened_at, fee_fen, owed_fen, paid_fen, written_off_fen, refund_due_fen, settled)
    VALUES (1, 'o', 1, 1, 'k', '苏B00000', 'open', now(), NULL, NULL, 0, 0, 0, false);
    INSERT INTO stays.charge (lot_id, order_no, charge_no, operator_id, amount_fen, priced_until_at,
        lines, state, frozen_at, settled_by, settled_at)
    VALUES (1, 'o', 1, 1, 1, now(), '[]', 'settled', now(), NULL, NULL);
    RAISE EXCEPTION 'a charge is settled by nobody';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: INDEX stays.charge_one_live
DO $$
BEGIN
    INSERT INTO stays.stay_order (lot_id, order_no, stay_id, operator_id, car_key, plate, state,
        opened_at, fee_fen, owed_fen, paid_fen, written_off_fen, refund_due_fen, settled)
    VALUES (1, 'o', 1, 1, 'k', '苏B00000', 'open', now(), NULL, NULL, 0, 0, 0, false);
    INSERT INTO stays.charge (lot_id, order_no, charge_no, operator_id, amount_fen, priced_until_at,
        lines, state, frozen_at, settled_by, settled_at)
    VALUES (1, 'o', 1, 1, 1, now(), '[]', 'live', now(), NULL, NULL),
        (1, 'o', 2, 1, 1, now(), '[]', 'live', now(), NULL, NULL);
    RAISE EXCEPTION 'an order has two amounts to pay at once';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.count.count_key
DO $$
BEGIN
    INSERT INTO stays.count (lot_id, pool, operator_id, n, occupied)
    VALUES (1, 'short_stay', 1, 1, 1), (1, 'short_stay', 1, 1, 2);
    RAISE EXCEPTION 'a lot has two counts';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.incarnation.incarnation_key
DO $$
BEGIN
    INSERT INTO stays.incarnation (number) VALUES (1);
    RAISE EXCEPTION 'a database has two incarnations';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.incarnation.incarnation_one
DO $$
BEGIN
    INSERT INTO stays.incarnation (only_row, number) VALUES (false, 1);
    RAISE EXCEPTION 'a database has a second incarnation beside its one';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;
