-- What stands before the first block runs before every block.
CREATE FUNCTION pg_temp.an_operator(wanted text) RETURNS bigint
    LANGUAGE sql
BEGIN ATOMIC
    WITH known AS (SELECT operator_id FROM registry.operator WHERE code = wanted),
    made AS (
        INSERT INTO registry.operator (code, name, name_en) SELECT wanted, '查验', 'Check'
        WHERE NOT EXISTS (SELECT FROM known)
        RETURNING operator_id)
    SELECT operator_id FROM known UNION ALL SELECT operator_id FROM made;
END;

CREATE FUNCTION pg_temp.a_lot(changes jsonb) RETURNS bigint
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO registry.lot (
        code, operator_id, name, name_en, town, address, lat_wgs84, lon_wgs84, lat_gcj02,
        lon_gcj02, parking_type, parking_locate, build_type, attached_type, price_form, plan_key,
        opening_hours)
    SELECT code, operator_id, name, name_en, town, address, lat_wgs84, lon_wgs84, lat_gcj02,
           lon_gcj02, parking_type, parking_locate, build_type, attached_type, price_form, plan_key,
           opening_hours
    FROM jsonb_populate_record(NULL::registry.lot, jsonb_build_object(
        'code', '999999999201', 'operator_id', pg_temp.an_operator('CHECK-1'), 'name', '查验',
        'name_en', 'Check', 'town', '999999999', 'address', '查验路1号', 'lat_wgs84', 31.9,
        'lon_wgs84', 120.2, 'lat_gcj02', 31.9, 'lon_gcj02', 120.2, 'parking_type', 2,
        'parking_locate', 1, 'build_type', 1, 'price_form', 'market', 'opening_hours', '24h')
        || changes)
    RETURNING lot_id;
END;

CREATE FUNCTION pg_temp.a_lane(wanted text, its_lot bigint) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO registry.lane (lane, lot_id, operator_id, direction, confirms_exit)
    SELECT wanted, lot_id, operator_id, 'entry', true FROM registry.lot WHERE lot_id = its_lot;
END;

CREATE FUNCTION pg_temp.a_device(wanted text, its_lot bigint) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO registry.device (device_id, lot_id, operator_id)
    SELECT wanted, lot_id, operator_id FROM registry.lot WHERE lot_id = its_lot;
END;

-- proves: CONSTRAINT registry.version.version_one_row
DO $$
BEGIN
    INSERT INTO registry.version (only_row, number) VALUES (false, 7);
    RAISE EXCEPTION 'a second version was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.operator.operator_code_once
DO $$
BEGIN
    INSERT INTO registry.operator (code, name, name_en) VALUES ('TWICE', 'a', 'a'), ('TWICE', 'b', 'b');
    RAISE EXCEPTION 'two operators have one code';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.operator.operator_code_form
DO $$
BEGIN
    PERFORM pg_temp.an_operator('A B');
    RAISE EXCEPTION 'a code with a space was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.operator.operator_name_short
DO $$
BEGIN
    INSERT INTO registry.operator (code, name, name_en) VALUES ('CHECK-9', '', '');
    RAISE EXCEPTION 'an operator without a name was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.lot.lot_code_once
DO $$
BEGIN
    PERFORM pg_temp.a_lot('{}');
    PERFORM pg_temp.a_lot('{}');
    RAISE EXCEPTION 'two lots have one code';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.lot.lot_operator_known
DO $$
BEGIN
    PERFORM pg_temp.a_lot('{"operator_id": -1}');
    RAISE EXCEPTION 'a lot of nobody was accepted';
EXCEPTION WHEN foreign_key_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.lot.lot_code_form
DO $$
BEGIN
    PERFORM pg_temp.a_lot('{"code": "32028100110A"}');
    RAISE EXCEPTION 'a letter in a lot code was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.lot.lot_town_form
DO $$
BEGIN
    PERFORM pg_temp.a_lot('{"town": "江阴"}');
    RAISE EXCEPTION 'a town in words was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.lot.lot_name_short
DO $$
BEGIN
    PERFORM pg_temp.a_lot('{"name": ""}');
    RAISE EXCEPTION 'a lot without a name was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.lot.lot_position_wgs84
DO $$
BEGIN
    PERFORM pg_temp.a_lot('{"lat_wgs84": 120.2, "lon_wgs84": 31.9}');
    RAISE EXCEPTION 'exchanged coordinates were accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.lot.lot_position_gcj02
DO $$
BEGIN
    PERFORM pg_temp.a_lot('{"lat_gcj02": 120.2, "lon_gcj02": 31.9}');
    RAISE EXCEPTION 'exchanged coordinates were accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.lot.lot_parking_type
DO $$
BEGIN
    PERFORM pg_temp.a_lot('{"parking_type": 4}');
    RAISE EXCEPTION 'a fourth parking type was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.lot.lot_roadside_is_on_street
DO $$
BEGIN
    PERFORM pg_temp.a_lot('{"parking_type": 3}');
    RAISE EXCEPTION 'a roadside lot lies off the street';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.lot.lot_parking_locate
DO $$
BEGIN
    PERFORM pg_temp.a_lot('{"parking_locate": 3}');
    RAISE EXCEPTION 'a third place was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.lot.lot_build_type
DO $$
BEGIN
    PERFORM pg_temp.a_lot('{"build_type": 4}');
    RAISE EXCEPTION 'a fourth way of building was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.lot.lot_attached_type
DO $$
BEGIN
    PERFORM pg_temp.a_lot('{"attached_type": "06"}');
    RAISE EXCEPTION 'a public lot belongs to a hospital';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.lot.lot_attached_type
DO $$
BEGIN
    PERFORM pg_temp.a_lot('{"parking_type": 1}');
    RAISE EXCEPTION 'an attached lot belongs to nothing';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.lot.lot_price_form
DO $$
BEGIN
    PERFORM pg_temp.a_lot('{"price_form": "free"}');
    RAISE EXCEPTION 'an unknown price form was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.lot.lot_plan_key_form
DO $$
BEGIN
    PERFORM pg_temp.a_lot('{"plan_key": "T 1"}');
    RAISE EXCEPTION 'a plan key with a space was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.lot.lot_opening_hours
DO $$
BEGIN
    PERFORM pg_temp.a_lot('{"opening_hours": "always"}');
    RAISE EXCEPTION 'opening hours in words were accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: TRIGGER registry.lot.lot_keeps_its_code
DO $$
BEGIN
    PERFORM pg_temp.a_lot('{}');
    UPDATE registry.lot SET code = '999999999299' WHERE code = '999999999201';
    RAISE EXCEPTION 'a lot got another code';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.pool.pool_of_lot
DO $$
DECLARE here bigint := pg_temp.a_lot('{}');
    other bigint := pg_temp.an_operator('CHECK-2');
BEGIN
    INSERT INTO registry.pool (lot_id, pool, operator_id, capacity)
        VALUES (here, 'short_stay', other, 1);
    RAISE EXCEPTION 'a pool has another operator than its lot';
EXCEPTION WHEN foreign_key_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.pool.pool_known
DO $$
DECLARE here bigint := pg_temp.a_lot('{}');
    other bigint := pg_temp.an_operator('CHECK-2');
BEGIN
    INSERT INTO registry.pool (lot_id, pool, operator_id, capacity)
        VALUES (here, 'swimming', (SELECT operator_id FROM registry.lot WHERE lot_id = here), 1);
    RAISE EXCEPTION 'an unknown pool was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.pool.pool_capacity
DO $$
DECLARE here bigint := pg_temp.a_lot('{}');
    other bigint := pg_temp.an_operator('CHECK-2');
BEGIN
    INSERT INTO registry.pool (lot_id, pool, operator_id, capacity)
        VALUES (here, 'short_stay', (SELECT operator_id FROM registry.lot WHERE lot_id = here), -1);
    RAISE EXCEPTION 'fewer than no bays were accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.zone.zone_of_lot
DO $$
DECLARE here bigint := pg_temp.a_lot('{}');
    other bigint := pg_temp.an_operator('CHECK-2');
BEGIN
    INSERT INTO registry.zone (lot_id, zone, operator_id, name, capacity)
        VALUES (here, 'B1', other, 'B1', 1);
    RAISE EXCEPTION 'a zone has another operator than its lot';
EXCEPTION WHEN foreign_key_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.zone.zone_form
DO $$
DECLARE here bigint := pg_temp.a_lot('{}');
    other bigint := pg_temp.an_operator('CHECK-2');
BEGIN
    INSERT INTO registry.zone (lot_id, zone, operator_id, name, capacity)
        VALUES (here, 'B 1', (SELECT operator_id FROM registry.lot WHERE lot_id = here), 'B1', 1);
    RAISE EXCEPTION 'a zone code with a space was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.zone.zone_capacity
DO $$
DECLARE here bigint := pg_temp.a_lot('{}');
    other bigint := pg_temp.an_operator('CHECK-2');
BEGIN
    INSERT INTO registry.zone (lot_id, zone, operator_id, name, capacity)
        VALUES (here, 'B1', (SELECT operator_id FROM registry.lot WHERE lot_id = here), 'B1', -1);
    RAISE EXCEPTION 'fewer than no bays were accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.lane.lane_of_lot
DO $$
DECLARE here bigint := pg_temp.a_lot('{}');
    other bigint := pg_temp.an_operator('CHECK-2');
BEGIN
    INSERT INTO registry.lane (lane, lot_id, operator_id, direction, confirms_exit)
        VALUES ('check-E1', here, other, 'entry', true);
    RAISE EXCEPTION 'a lane has another operator than its lot';
EXCEPTION WHEN foreign_key_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.lane.lane_form
DO $$
DECLARE here bigint := pg_temp.a_lot('{}');
    other bigint := pg_temp.an_operator('CHECK-2');
BEGIN
    INSERT INTO registry.lane (lane, lot_id, operator_id, direction, confirms_exit)
        VALUES ('E 1', here, (SELECT operator_id FROM registry.lot WHERE lot_id = here), 'entry', true);
    RAISE EXCEPTION 'a lane code with a space was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.lane.lane_direction
DO $$
DECLARE here bigint := pg_temp.a_lot('{}');
    other bigint := pg_temp.an_operator('CHECK-2');
BEGIN
    INSERT INTO registry.lane (lane, lot_id, operator_id, direction, confirms_exit)
        VALUES ('check-E1', here, (SELECT operator_id FROM registry.lot WHERE lot_id = here), 'up', true);
    RAISE EXCEPTION 'a lane leads up';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: TRIGGER registry.lane.lane_stays
DO $$
DECLARE here bigint := pg_temp.a_lot('{}');
    there bigint := pg_temp.a_lot('{"code": "999999999202"}');
BEGIN
    PERFORM pg_temp.a_lane('check-E1', here);
    UPDATE registry.lane SET lot_id = there WHERE lane = 'check-E1';
    RAISE EXCEPTION 'a lane moved to another lot';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.device.device_of_lot
DO $$
DECLARE here bigint := pg_temp.a_lot('{}');
    other bigint := pg_temp.an_operator('CHECK-2');
BEGIN
    INSERT INTO registry.device (device_id, lot_id, operator_id)
        VALUES ('check-cam', here, other);
    RAISE EXCEPTION 'a device has another operator than its lot';
EXCEPTION WHEN foreign_key_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.device.device_form
DO $$
DECLARE here bigint := pg_temp.a_lot('{}');
    other bigint := pg_temp.an_operator('CHECK-2');
BEGIN
    INSERT INTO registry.device (device_id, lot_id, operator_id)
        VALUES ('a cam', here, (SELECT operator_id FROM registry.lot WHERE lot_id = here));
    RAISE EXCEPTION 'a device id with a space was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: TRIGGER registry.device.device_stays
DO $$
DECLARE here bigint := pg_temp.a_lot('{}');
    there bigint := pg_temp.a_lot('{"code": "999999999202"}');
BEGIN
    PERFORM pg_temp.a_device('check-cam', here);
    UPDATE registry.device SET lot_id = there WHERE device_id = 'check-cam';
    RAISE EXCEPTION 'a device moved to another lot';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.device_lane.device_lane_lane
DO $$
DECLARE here bigint := pg_temp.a_lot('{}');
    there bigint := pg_temp.a_lot('{"code": "999999999202"}');
BEGIN
    PERFORM pg_temp.a_device('check-cam', here);
    PERFORM pg_temp.a_lane('check-E1', there);
    INSERT INTO registry.device_lane (device_id, lane, lot_id, operator_id)
        SELECT 'check-cam', 'check-E1', lot_id, operator_id FROM registry.lot WHERE lot_id = here;
    RAISE EXCEPTION 'a device speaks for a lane of another lot';
EXCEPTION WHEN foreign_key_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.device_lane.device_lane_device
DO $$
DECLARE here bigint := pg_temp.a_lot('{}');
    there bigint := pg_temp.a_lot('{"code": "999999999202"}');
BEGIN
    PERFORM pg_temp.a_device('check-cam', there);
    PERFORM pg_temp.a_lane('check-E1', here);
    INSERT INTO registry.device_lane (device_id, lane, lot_id, operator_id)
        SELECT 'check-cam', 'check-E1', lot_id, operator_id FROM registry.lot WHERE lot_id = here;
    RAISE EXCEPTION 'a lane is bound to a device of another lot';
EXCEPTION WHEN foreign_key_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.device_lane.device_lane_of_lot
DO $$
DECLARE here bigint := pg_temp.a_lot('{}');
    other bigint := pg_temp.an_operator('CHECK-2');
BEGIN
    PERFORM pg_temp.a_device('check-cam', here);
    PERFORM pg_temp.a_lane('check-E1', here);
    INSERT INTO registry.device_lane (device_id, lane, lot_id, operator_id)
        VALUES ('check-cam', 'check-E1', here, other);
    RAISE EXCEPTION 'a binding has another operator than its lot';
EXCEPTION WHEN foreign_key_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.device_secret.device_secret_device
DO $$
DECLARE here bigint := pg_temp.a_lot('{}');
    there bigint := pg_temp.a_lot('{"code": "999999999202"}');
BEGIN
    PERFORM pg_temp.a_device('check-cam', there);
    INSERT INTO registry.device_secret (device_id, lot_id, operator_id, sealed, not_before, not_after)
        SELECT 'check-cam', lot_id, operator_id, '', now(), NULL FROM registry.lot WHERE lot_id = here;
    RAISE EXCEPTION 'a key of a device of another lot was accepted';
EXCEPTION WHEN foreign_key_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.device_secret.device_secret_of_lot
DO $$
DECLARE here bigint := pg_temp.a_lot('{}');
    other bigint := pg_temp.an_operator('CHECK-2');
BEGIN
    PERFORM pg_temp.a_device('check-cam', here);
    INSERT INTO registry.device_secret (device_id, lot_id, operator_id, sealed, not_before, not_after)
        VALUES ('check-cam', here, other, '', now(), NULL);
    RAISE EXCEPTION 'a key has another operator than its lot';
EXCEPTION WHEN foreign_key_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.device_secret.device_secret_span
DO $$
DECLARE here bigint := pg_temp.a_lot('{}');
    other bigint := pg_temp.an_operator('CHECK-2');
BEGIN
    PERFORM pg_temp.a_device('check-cam', here);
    INSERT INTO registry.device_secret (device_id, lot_id, operator_id, sealed, not_before, not_after)
        VALUES ('check-cam', here, (SELECT operator_id FROM registry.lot WHERE lot_id = here), '', now(), now() - interval '1 s');
    RAISE EXCEPTION 'a key ends before it begins';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: INDEX registry.device_secret_one_present
DO $$
DECLARE here bigint := pg_temp.a_lot('{}');
    other bigint := pg_temp.an_operator('CHECK-2');
BEGIN
    PERFORM pg_temp.a_device('check-cam', here);
    FOR turn IN 1..2 LOOP
        INSERT INTO registry.device_secret (device_id, lot_id, operator_id, sealed, not_before, not_after)
            VALUES ('check-cam', here, (SELECT operator_id FROM registry.lot WHERE lot_id = here), '', now(), NULL);
    END LOOP;
    RAISE EXCEPTION 'a device has two present keys';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: POLICY registry.lot.own_operator
DO $$
DECLARE seen text[];
BEGIN
    PERFORM pg_temp.a_lot('{}');
    PERFORM pg_temp.a_lot(jsonb_build_object(
        'code', '999999999202', 'operator_id', pg_temp.an_operator('CHECK-2')));
    PERFORM set_config('onepark.operator_id', pg_temp.an_operator('CHECK-1')::text, true);
    SET LOCAL ROLE onepark_staff;
    SELECT array_agg(code) INTO seen FROM registry.lot WHERE code LIKE '9999999992%';
    IF seen IS DISTINCT FROM ARRAY['999999999201'] THEN
        RAISE EXCEPTION 'an operator saw %', seen;
    END IF;
END $$;

-- proves: TRIGGER registry.operator.version_on_insert
-- proves: TRIGGER registry.operator.version_on_update
-- proves: TRIGGER registry.operator.version_on_delete
-- proves: TRIGGER registry.lot.version_on_insert
-- proves: TRIGGER registry.lot.version_on_update
-- proves: TRIGGER registry.lot.version_on_delete
-- proves: TRIGGER registry.pool.version_on_insert
-- proves: TRIGGER registry.pool.version_on_update
-- proves: TRIGGER registry.pool.version_on_delete
-- proves: TRIGGER registry.zone.version_on_insert
-- proves: TRIGGER registry.zone.version_on_update
-- proves: TRIGGER registry.zone.version_on_delete
-- proves: TRIGGER registry.lane.version_on_insert
-- proves: TRIGGER registry.lane.version_on_update
-- proves: TRIGGER registry.lane.version_on_delete
-- proves: TRIGGER registry.device.version_on_insert
-- proves: TRIGGER registry.device.version_on_update
-- proves: TRIGGER registry.device.version_on_delete
-- proves: TRIGGER registry.device_lane.version_on_insert
-- proves: TRIGGER registry.device_lane.version_on_update
-- proves: TRIGGER registry.device_lane.version_on_delete
-- proves: TRIGGER registry.device_secret.version_on_insert
-- proves: TRIGGER registry.device_secret.version_on_update
-- proves: TRIGGER registry.device_secret.version_on_delete
DO $$
DECLARE
    step text;
    before bigint;
BEGIN
    FOREACH step IN ARRAY ARRAY[
        $x$SELECT pg_temp.an_operator('CHECK-1')$x$,
        $x$SELECT pg_temp.a_lot('{}')$x$,
        $x$INSERT INTO registry.pool SELECT lot_id, 'short_stay', operator_id, 1 FROM registry.lot$x$,
        $x$INSERT INTO registry.zone SELECT lot_id, 'B1', operator_id, 'B1', 1 FROM registry.lot$x$,
        $x$SELECT pg_temp.a_lane('check-E1', lot_id) FROM registry.lot$x$,
        $x$SELECT pg_temp.a_device('check-cam', lot_id) FROM registry.lot$x$,
        $x$INSERT INTO registry.device_lane
           SELECT 'check-cam', 'check-E1', lot_id, operator_id FROM registry.lot$x$,
        $x$INSERT INTO registry.device_secret (device_id, lot_id, operator_id, sealed, not_before)
           SELECT 'check-cam', lot_id, operator_id, '', now() FROM registry.lot$x$,
        'UPDATE registry.operator SET name = name',
        'UPDATE registry.lot SET name = name',
        'UPDATE registry.pool SET capacity = capacity',
        'UPDATE registry.zone SET capacity = capacity',
        'UPDATE registry.lane SET direction = direction',
        'UPDATE registry.device SET operator_id = operator_id',
        'UPDATE registry.device_lane SET operator_id = operator_id',
        'UPDATE registry.device_secret SET not_after = now()',
        'DELETE FROM registry.device_secret',
        'DELETE FROM registry.device_lane',
        'DELETE FROM registry.device',
        'DELETE FROM registry.lane',
        'DELETE FROM registry.zone',
        'DELETE FROM registry.pool',
        'DELETE FROM registry.lot',
        'DELETE FROM registry.operator'
    ] LOOP
        SELECT number INTO before FROM registry.version;
        EXECUTE step;
        IF (SELECT number FROM registry.version) = before THEN
            RAISE EXCEPTION 'the version stood still at: %', step;
        END IF;
    END LOOP;
END $$;
