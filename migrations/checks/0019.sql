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
