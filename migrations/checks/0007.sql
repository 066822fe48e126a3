-- proves: CONSTRAINT registry.device.device_camera_model_form
DO $$
DECLARE
    op bigint;
    lot bigint;
BEGIN
    INSERT INTO registry.operator (code, name, name_en) VALUES ('CHK', '甲', 'A') RETURNING operator_id INTO op;
    INSERT INTO registry.lot (code, operator_id, name, name_en, town, address, lat_wgs84, lon_wgs84, lat_gcj02,
        lon_gcj02, parking_type, parking_locate, build_type, price_form, opening_hours)
    VALUES ('320281001299', op, '甲', 'A', '320281001', '甲', 31.9, 120.2, 31.9, 120.2, 2, 1, 1, 'market', '"24h"')
    RETURNING lot_id INTO lot;
    INSERT INTO registry.device (device_id, lot_id, operator_id, camera_model) VALUES ('chk', lot, op, '');
    RAISE EXCEPTION 'a camera model has no name';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.stay.stay_state
DO $$
BEGIN
    INSERT INTO stays.stay VALUES (1, 1, 1, 'k', '苏B00000', 'blue', 'small', 'short_stay', NULL, 'misread_exit', '{}', now(), NULL, now(), NULL, false, NULL, NULL);
    RAISE EXCEPTION 'a stay that never was one has an entry';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.task.task_kind
DO $$
BEGIN
    INSERT INTO stays.task (lot_id, operator_id, kind, device_id, passage_id, passage_kind, lane, car_key, plate, plate_raw, plate_color, vehicle, camera_model, seen_at, opened_at, due_at, verdict, model_version, candidates, tried_at)
    VALUES (1, 1, 'holiday', 'd', 'p', 'exit', 'l', 'k', '苏B00000', '苏B00000', 'blue', 'small', '', now(), now(), now() + interval '1 day', 'none', 0, '[{}]', now());
    RAISE EXCEPTION 'a task is of no known kind';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.task.task_passage_kind
DO $$
BEGIN
    INSERT INTO stays.task (lot_id, operator_id, kind, device_id, passage_id, passage_kind, lane, car_key, plate, plate_raw, plate_color, vehicle, camera_model, seen_at, opened_at, due_at, verdict, model_version, candidates, tried_at)
    VALUES (1, 1, 'misread_exit', 'd', 'p', 'entry', 'l', 'k', '苏B00000', '苏B00000', 'blue', 'small', '', now(), now(), now() + interval '1 day', 'none', 0, '[{}]', now());
    RAISE EXCEPTION 'an entry was held as a misread exit';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.task.task_verdict
DO $$
BEGIN
    INSERT INTO stays.task (lot_id, operator_id, kind, device_id, passage_id, passage_kind, lane, car_key, plate, plate_raw, plate_color, vehicle, camera_model, seen_at, opened_at, due_at, verdict, model_version, candidates, tried_at)
    VALUES (1, 1, 'misread_exit', 'd', 'p', 'exit', 'l', 'k', '苏B00000', '苏B00000', 'blue', 'small', '', now(), now(), now() + interval '1 day', 'perhaps', 0, '[{}]', now());
    RAISE EXCEPTION 'a verdict is none that the matcher gives';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.task.task_due
DO $$
BEGIN
    INSERT INTO stays.task (lot_id, operator_id, kind, device_id, passage_id, passage_kind, lane, car_key, plate, plate_raw, plate_color, vehicle, camera_model, seen_at, opened_at, due_at, verdict, model_version, candidates, tried_at)
    VALUES (1, 1, 'misread_exit', 'd', 'p', 'exit', 'l', 'k', '苏B00000', '苏B00000', 'blue', 'small', '', now(), now(), now(), 'none', 0, '[{}]', now());
    RAISE EXCEPTION 'a task is due before it was opened';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.task.task_candidates
DO $$
BEGIN
    INSERT INTO stays.task (lot_id, operator_id, kind, device_id, passage_id, passage_kind, lane, car_key, plate, plate_raw, plate_color, vehicle, camera_model, seen_at, opened_at, due_at, verdict, model_version, candidates, tried_at)
    VALUES (1, 1, 'misread_exit', 'd', 'p', 'exit', 'l', 'k', '苏B00000', '苏B00000', 'blue', 'small', '', now(), now(), now() + interval '1 day', 'none', 0, '[1,2,3,4,5,6]', now());
    RAISE EXCEPTION 'a misread exit has more candidates than anybody looks at';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.task.task_decided
DO $$
BEGIN
    INSERT INTO stays.task (lot_id, operator_id, kind, device_id, passage_id, passage_kind, lane, car_key, plate, plate_raw, plate_color, vehicle, camera_model, seen_at, opened_at, due_at, verdict, model_version, candidates, tried_at, decided_at, outcome)
    VALUES (1, 1, 'misread_exit', 'd', 'p', 'exit', 'l', 'k', '苏B00000', '苏B00000', 'blue', 'small', '', now(), now(), now() + interval '1 day', 'none', 0, '[{}]', now(), now(), '{}');
    RAISE EXCEPTION 'a task was decided by nobody';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.task.task_chosen
DO $$
BEGIN
    INSERT INTO stays.task (lot_id, operator_id, kind, device_id, passage_id, passage_kind, lane, car_key, plate, plate_raw, plate_color, vehicle, camera_model, seen_at, opened_at, due_at, verdict, model_version, candidates, tried_at, chosen_stay_id)
    VALUES (1, 1, 'misread_exit', 'd', 'p', 'exit', 'l', 'k', '苏B00000', '苏B00000', 'blue', 'small', '', now(), now(), now() + interval '1 day', 'none', 0, '[{}]', now(), 7);
    RAISE EXCEPTION 'a stay was chosen before the decision';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: INDEX stays.task_of_waiting_car
DO $$
BEGIN
    INSERT INTO stays.task (lot_id, operator_id, kind, device_id, passage_id, passage_kind, lane, car_key, plate, plate_raw, plate_color, vehicle, camera_model, seen_at, opened_at, due_at, verdict, model_version, candidates, tried_at)
    VALUES (1, 1, 'misread_exit', 'd', 'p', 'exit_request', 'l', 'k', '苏B00000', '苏B00000', 'blue', 'small', '', now(), now(), now() + interval '1 day', 'none', 0, '[{}]', now());
    INSERT INTO stays.task (lot_id, operator_id, kind, device_id, passage_id, passage_kind, lane, car_key, plate, plate_raw, plate_color, vehicle, camera_model, seen_at, opened_at, due_at, verdict, model_version, candidates, tried_at)
    VALUES (1, 1, 'misread_exit', 'd', 'q', 'exit_request', 'l', 'k', '苏B00000', '苏B00000', 'blue', 'small', '', now(), now(), now() + interval '1 day', 'none', 0, '[{}]', now());
    RAISE EXCEPTION 'one waiting car is two tasks';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.reading.reading_once
DO $$
DECLARE
    number bigint;
BEGIN
    INSERT INTO stays.task (lot_id, operator_id, kind, device_id, passage_id, passage_kind, lane, car_key, plate, plate_raw, plate_color, vehicle, camera_model, seen_at, opened_at, due_at, verdict, model_version, candidates, tried_at)
    VALUES (1, 1, 'misread_exit', 'd', 'p', 'exit', 'l', 'k', '苏B00000', '苏B00000', 'blue', 'small', '', now(), now(), now() + interval '1 day', 'none', 0, '[{}]', now())
    RETURNING task_id INTO number;
    INSERT INTO stays.reading (task_id, lot_id, operator_id, camera_model, observed, actual, decided_at)
    VALUES (number, 1, 1, '', '苏B00000', '苏B00001', now());
    INSERT INTO stays.reading (task_id, lot_id, operator_id, camera_model, observed, actual, decided_at)
    VALUES (number, 1, 1, '', '苏B00000', '苏B00001', now());
    RAISE EXCEPTION 'one decision taught twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.reading.reading_task
DO $$
BEGIN
    INSERT INTO stays.reading (task_id, lot_id, operator_id, camera_model, observed, actual, decided_at)
    VALUES (-1, 1, 1, '', '苏B00000', '苏B00001', now());
    RAISE EXCEPTION 'a reading comes from no decision';
EXCEPTION WHEN foreign_key_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.plate_model.plate_model_key
DO $$
BEGIN
    INSERT INTO stays.plate_model (camera_model, version, body, readings, last_reading_id, learned_at)
    VALUES ('', 1, '{}', 1, 1, now());
    INSERT INTO stays.plate_model (camera_model, version, body, readings, last_reading_id, learned_at)
    VALUES ('', 1, '{}', 1, 1, now());
    RAISE EXCEPTION 'one version was learned twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.plate_model.plate_model_version
DO $$
BEGIN
    INSERT INTO stays.plate_model (camera_model, version, body, readings, last_reading_id, learned_at)
    VALUES ('', 0, '{}', 1, 1, now());
    RAISE EXCEPTION 'a learned version takes the number of the shipped one';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.plate_model.plate_model_readings
DO $$
BEGIN
    INSERT INTO stays.plate_model (camera_model, version, body, readings, last_reading_id, learned_at)
    VALUES ('', 1, '{}', 0, 1, now());
    RAISE EXCEPTION 'a version was learned from nothing';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT stays.plate_model.plate_model_body
DO $$
BEGIN
    INSERT INTO stays.plate_model (camera_model, version, body, readings, last_reading_id, learned_at)
    VALUES ('', 1, '[]', 1, 1, now());
    RAISE EXCEPTION 'a model is no object';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: TRIGGER stays.plate_model.plate_model_append_only
DO $$
BEGIN
    INSERT INTO stays.plate_model (camera_model, version, body, readings, last_reading_id, learned_at)
    VALUES ('', 1, '{}', 1, 1, now());
    UPDATE stays.plate_model SET readings = 2;
    RAISE EXCEPTION 'a version was changed';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;
