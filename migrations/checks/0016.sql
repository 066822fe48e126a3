-- proves: CONSTRAINT stays.evidence.evidence_once
DO $$
BEGIN
    INSERT INTO stays.evidence
        (lot_id, stay_id, operator_id, kind, gone_by_at, told_by, found_at, acts_at)
    VALUES (1, 1, 1, 'lot_empty', now(), 'd', now(), now()), (1, 1, 1, 'lot_empty', now(), 'd', now(), now());
    RAISE EXCEPTION 'one thing is evidence twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.evidence.evidence_kind
DO $$
BEGIN
    INSERT INTO stays.evidence (lot_id, stay_id, operator_id, kind, gone_by_at, found_at, acts_at)
    VALUES (1, 1, 1, 'elsewhere', now(), now(), now());
    RAISE EXCEPTION 'a car was seen nowhere in particular';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;
