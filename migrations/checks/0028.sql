-- proves: CONSTRAINT membership.benefit.benefit_kind
DO $$
BEGIN
    INSERT INTO membership.benefit
        (lot_id, car_key, operator_id, kind, source, source_id, name, from_at, until_at, recorded_at, pool)
    VALUES (1, 'x', 1, 'pass', 'pass', 1, 'x', now() - interval '1 day', now(), now(), 'short_stay');
    RAISE EXCEPTION 'a pass covers time from before it was recorded';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT membership.benefit.benefit_forward
DO $$
BEGIN
    INSERT INTO membership.benefit
        (lot_id, car_key, operator_id, kind, source, source_id, name, from_at, until_at, recorded_at, pool)
    VALUES (1, 'x', 1, 'pass', 'pass', 1, 'x', now(), now() - interval '1 day', now(), 'short_stay');
    RAISE EXCEPTION 'a pass ends before it begins';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT membership.benefit.benefit_fleet
DO $$
BEGIN
    INSERT INTO membership.benefit
        (lot_id, car_key, operator_id, kind, source, source_id, name, from_at, until_at, recorded_at, pool,
         fleet_id)
    VALUES (1, 'x', 1, 'pass', 'fleet', 1, 'x', now(), now(), now(), 'short_stay', 1);
    RAISE EXCEPTION 'a fleet has no number of seats';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT membership.benefit.benefit_windows
DO $$
BEGIN
    INSERT INTO membership.benefit
        (lot_id, car_key, operator_id, kind, source, source_id, name, from_at, until_at, recorded_at, pool,
         windows)
    VALUES (1, 'x', 1, 'pass', 'pass', 1, 'x', now(), now(), now(), 'short_stay', '{127,0}');
    RAISE EXCEPTION 'a window has no end';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT membership.pass.pass_money
DO $$
DECLARE sold bigint;
BEGIN
    INSERT INTO membership.product
        (operator_id, kind, name, lots, months, price_fen, pool, needs_proof, on_sale)
    VALUES (1, 'monthly', 'x', '{1}', 1, 100, 'short_stay', false, true) RETURNING product_id INTO sold;
    INSERT INTO membership.pass (operator_id, product_id, order_no, plate, plate_color, from_at, until_at,
        state, price_fen, paid_fen, refunded_fen, refund_due_fen, made_at, made_by)
    VALUES (1, sold, 'o', 'x', 'blue', now(), now() + interval '1 day', 'active', 100, 100, 60, 50, now(), 'x');
    RAISE EXCEPTION 'more goes back of a pass than was paid';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT membership.product.product_kind
DO $$
BEGIN
    INSERT INTO membership.product
        (operator_id, kind, name, lots, months, price_fen, pool, needs_proof, on_sale)
    VALUES (1, 'time_sliced', 'x', '{1}', 1, 100, 'short_stay', false, true);
    RAISE EXCEPTION 'a time-sliced pass counts all the time';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: INDEX membership.fleet_car_once
DO $$
DECLARE made bigint;
BEGIN
    INSERT INTO membership.fleet (operator_id, name, lots, seats, pool, from_at, until_at, made_by, made_at)
    VALUES (1, 'x', '{1}', 1, 'short_stay', now(), now() + interval '1 day', 'x', now())
    RETURNING fleet_id INTO made;
    INSERT INTO membership.fleet_car (fleet_id, operator_id, plate, plate_color, added_at, added_by)
    VALUES (made, 1, 'x', 'blue', now(), 'x'), (made, 1, 'x', 'blue', now(), 'x');
    RAISE EXCEPTION 'a car is in a fleet twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT membership.white_list.white_list_reason
DO $$
BEGIN
    INSERT INTO membership.white_list
        (operator_id, lots, plate, plate_color, reason, from_at, until_at, approved_by, approved_at)
    VALUES (1, '{1}', 'x', 'blue', '', now(), now() + interval '1 day', 'x', now());
    RAISE EXCEPTION 'a car parks free for no reason';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT membership.coupon_batch.coupon_batch_value
DO $$
BEGIN
    INSERT INTO membership.coupon_batch (operator_id, merchant, name, kind, value, lots, per_order_max,
        stacks, budget_fen, from_at, until_at, made_by, made_at)
    VALUES (1, 'm', 'x', 'off_permille', 1001, '{1}', 1, false, 1, now(), now() + interval '1 day', 'x', now());
    RAISE EXCEPTION 'a coupon takes more than all off';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT membership.coupon.coupon_state
DO $$
DECLARE made bigint;
BEGIN
    INSERT INTO membership.coupon_batch (operator_id, merchant, name, kind, value, lots, per_order_max,
        stacks, budget_fen, from_at, until_at, made_by, made_at)
    VALUES (1, 'm', 'x', 'full', 0, '{1}', 1, false, 1, now(), now() + interval '1 day', 'x', now())
    RETURNING batch_id INTO made;
    INSERT INTO membership.coupon (code, batch_id, operator_id, state) VALUES ('c', made, 1, 'consumed');
    RAISE EXCEPTION 'a coupon was consumed for no order';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;
