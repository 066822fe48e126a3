-- proves: CONSTRAINT stays.reading.reading_source
DO $$
BEGIN
    INSERT INTO stays.reading (lot_id, operator_id, camera_model, observed, actual, decided_at)
    VALUES (1, 1, '', '苏B00000', '苏B00001', now());
    RAISE EXCEPTION 'a reading comes from nowhere';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: INDEX stays.reading_of_stay
DO $$
BEGIN
    INSERT INTO stays.reading (stay_id, lot_id, operator_id, camera_model, observed, actual, decided_at)
    VALUES (1, 1, 1, '', '苏B00000', '苏B00001', now());
    INSERT INTO stays.reading (stay_id, lot_id, operator_id, camera_model, observed, actual, decided_at)
    VALUES (1, 1, 1, '', '苏B00000', '苏B00001', now());
    RAISE EXCEPTION 'one visit taught twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;
