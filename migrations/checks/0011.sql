-- proves: CONSTRAINT stays.car.car_free_entries
DO $$
BEGIN
    INSERT INTO stays.car (lot_id, car_key, operator_id, free_entries_at)
    VALUES (1, 'k', 1, array_fill(now(), ARRAY[101]));
    RAISE EXCEPTION 'a car remembers visits without end';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.stay.stay_free_visits_used
DO $$
BEGIN
    INSERT INTO stays.stay (lot_id, stay_id, operator_id, car_key, plate, plate_color, vehicle, pool, state, marks, entered_at, exit_derived, free_visits_used)
    VALUES (1, 1, 1, 'k', '苏B00000', 'blue', 'small', 'short_stay', 'open', '{}', now(), false, -1);
    RAISE EXCEPTION 'a car had fewer free visits than none';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;
