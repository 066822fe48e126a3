-- proves: CONSTRAINT stays.ruling.ruling_kind
DO $$
BEGIN
    INSERT INTO stays.ruling (lot_id, operator_id, kind, stay_id, reason, ruled_by, ruled_at)
    VALUES (1, 1, 'void', 1, 'because', 'somebody', now());
    RAISE EXCEPTION 'a stay was voided without a passage';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.ruling.ruling_reason
DO $$
BEGIN
    INSERT INTO stays.ruling (lot_id, operator_id, kind, stay_id, reason, ruled_by, ruled_at)
    VALUES (1, 1, 'confirm', 1, '', 'somebody', now());
    RAISE EXCEPTION 'somebody ruled without a reason';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: INDEX stays.ruling_of_passage
DO $$
BEGIN
    INSERT INTO stays.ruling
        (lot_id, operator_id, kind, device_id, passage_id, reason, ruled_by, ruled_at)
    VALUES (1, 1, 'void', 'd', 'p', 'because', 'somebody', now()),
        (1, 1, 'correct', 'd', 'p', 'because', 'another', now());
    RAISE EXCEPTION 'a passage was ruled on twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: INDEX stays.ruling_of_stay
DO $$
BEGIN
    INSERT INTO stays.ruling (lot_id, operator_id, kind, stay_id, reason, ruled_by, ruled_at)
    VALUES (1, 1, 'confirm', 1, 'because', 'somebody', now()), (1, 1, 'confirm', 1, 'because', 'another', now());
    RAISE EXCEPTION 'a stay was confirmed twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: TRIGGER stays.ruling.ruling_append_only
DO $$
BEGIN
    INSERT INTO stays.ruling (lot_id, operator_id, kind, stay_id, reason, ruled_by, ruled_at)
    VALUES (1, 1, 'confirm', 1, 'because', 'somebody', now());
    DELETE FROM stays.ruling;
    RAISE EXCEPTION 'a ruling was taken away';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;
