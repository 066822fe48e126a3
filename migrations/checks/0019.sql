-- proves: CONSTRAINT gate.barrier_move.barrier_move_key
DO $$
BEGIN
    INSERT INTO gate.barrier_move (
        lot_id, device_id, lane, lift_at, move, operator_id, raised_by, shown_at, moved_at,
        clock_suspect, told_at)
    VALUES (1, 'd', 'l', now(), 'raised', 1, 'hand', now(), now(), false, now()),
        (1, 'd', 'l', now(), 'raised', 1, 'fire', now(), now(), false, now());
    RAISE EXCEPTION 'one barrier was raised twice at once';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT gate.barrier_move.barrier_move_kind
DO $$
BEGIN
    INSERT INTO gate.barrier_move (
        lot_id, device_id, lane, lift_at, move, operator_id, shown_at, moved_at, clock_suspect,
        told_at)
    VALUES (1, 'd', 'l', now(), 'lowered', 1, now() - interval '1 s', now(), false, now());
    RAISE EXCEPTION 'a barrier was lowered before it was raised';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: TRIGGER gate.barrier_move.barrier_move_append_only
DO $$
BEGIN
    INSERT INTO gate.barrier_move (
        lot_id, device_id, lane, lift_at, move, operator_id, raised_by, shown_at, moved_at,
        clock_suspect, told_at)
    VALUES (1, 'd', 'l', now(), 'raised', 1, 'hand', now(), now(), false, now());
    UPDATE gate.barrier_move SET raised_by = 'fire';
    RAISE EXCEPTION 'what a device said was rewritten';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.evidence.evidence_kind
DO $$
BEGIN
    INSERT INTO stays.evidence (
        lot_id, stay_id, operator_id, kind, gone_by_at, told_by, lane, raised_by, raised_at,
        lowered_at, counted_at, counted, found_at, acts_at)
    VALUES (1, 1, 1, 'gate_left_open', now(), 'd', 'l', 'hand', now(), now(),
        now() - interval '1 s', 0, now(), now());
    RAISE EXCEPTION 'a count from before a barrier was lowered was evidence';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.oddity.oddity_owner
DO $$
BEGIN
    INSERT INTO stays.oddity (
        lot_id, stay_id, kind, operator_id, owner, seen_at, found_at, due_at, judged_at, proof)
    VALUES (1, 1, 'tailgate', 1, 'nobody', now(), now(), now() + interval '1 day', now(), '{}');
    RAISE EXCEPTION 'something odd had no owner';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.oddity.oddity_due
DO $$
BEGIN
    INSERT INTO stays.oddity (
        lot_id, stay_id, kind, operator_id, owner, seen_at, found_at, due_at, judged_at, proof)
    VALUES (1, 1, 'tailgate', 1, 'operator', now(), now(), now(), now(), '{}');
    RAISE EXCEPTION 'something odd was overdue when it was found';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.two_lots.two_lots_city
DO $$
BEGIN
    INSERT INTO stays.two_lots (lot_id, stay_id, other_lot_id, other_stay_id, found_at, due_at, operator_id)
    VALUES (1, 1, 2, 2, now(), now() + interval '1 day', 7);
    RAISE EXCEPTION 'a pair belonged to an operator';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.two_lots.two_lots_once
DO $$
BEGIN
    INSERT INTO stays.two_lots (lot_id, stay_id, other_lot_id, other_stay_id, found_at, due_at)
    VALUES (1, 1, 2, 2, now(), now() + interval '1 day'), (1, 1, 2, 2, now(), now() + interval '1 day');
    RAISE EXCEPTION 'one pair was found twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.two_lots.two_lots_apart
DO $$
BEGIN
    INSERT INTO stays.two_lots (lot_id, stay_id, other_lot_id, other_stay_id, found_at, due_at)
    VALUES (1, 1, 1, 2, now(), now() + interval '1 day');
    RAISE EXCEPTION 'one lot was two';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.two_lots.two_lots_due
DO $$
BEGIN
    INSERT INTO stays.two_lots (lot_id, stay_id, other_lot_id, other_stay_id, found_at, due_at)
    VALUES (1, 1, 2, 2, now(), now());
    RAISE EXCEPTION 'a pair was overdue when it was found';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.two_lots.two_lots_verdict
DO $$
BEGIN
    INSERT INTO stays.two_lots (lot_id, stay_id, other_lot_id, other_stay_id, found_at, due_at, decided_at, decided_by, verdict, reason)
    VALUES (1, 1, 2, 2, now(), now() + interval '1 day', now(), 'x', 'maybe', 'why');
    RAISE EXCEPTION 'a verdict meant nothing';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.two_lots.two_lots_decided
DO $$
BEGIN
    INSERT INTO stays.two_lots (lot_id, stay_id, other_lot_id, other_stay_id, found_at, due_at, decided_at)
    VALUES (1, 1, 2, 2, now(), now() + interval '1 day', now());
    RAISE EXCEPTION 'a pair was decided by nobody';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.odd_count.odd_count_off
DO $$
BEGIN
    INSERT INTO stays.odd_count (lot_id, pool, operator_id, since_at, seen_at, occupied, capacity, off_by_max)
    VALUES (1, 'short_stay', 1, now(), now(), 4, 4, 0);
    RAISE EXCEPTION 'a count was odd by nothing';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.odd_count.odd_count_ended
DO $$
BEGIN
    INSERT INTO stays.odd_count (lot_id, pool, operator_id, since_at, seen_at, occupied, capacity, off_by_max, ended_at)
    VALUES (1, 'short_stay', 1, now(), now(), 5, 4, 1, now() - interval '1 s');
    RAISE EXCEPTION 'a count was right before it was odd';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.odd_count.odd_count_confirmed
DO $$
BEGIN
    INSERT INTO stays.odd_count (lot_id, pool, operator_id, since_at, seen_at, occupied, capacity, off_by_max, confirmed_at)
    VALUES (1, 'short_stay', 1, now(), now(), 5, 4, 1, now());
    RAISE EXCEPTION 'nobody confirmed a count';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: INDEX stays.odd_count_one_now
DO $$
BEGIN
    INSERT INTO stays.odd_count (lot_id, pool, operator_id, since_at, seen_at, occupied, capacity, off_by_max)
    VALUES (1, 'short_stay', 1, now(), now(), 5, 4, 1), (1, 'short_stay', 1, now(), now(), 5, 4, 1);
    RAISE EXCEPTION 'one count was odd twice at once';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;
