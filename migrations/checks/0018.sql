-- proves: CONSTRAINT vacancies.calibration.calibration_key
DO $$
BEGIN
    INSERT INTO vacancies.calibration (lot_id, pool, operator_id, told, due_at)
    VALUES (1, 'short_stay', 1, 1, now()), (1, 'short_stay', 1, 1, now());
    RAISE EXCEPTION 'a pool is off by two numbers';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT vacancies.calibration.calibration_whole
DO $$
BEGIN
    INSERT INTO vacancies.calibration (lot_id, pool, operator_id, told, due_at, drift)
    VALUES (1, 'short_stay', 1, 1, now(), 3);
    RAISE EXCEPTION 'a pool is off and no snapshot says so';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;
