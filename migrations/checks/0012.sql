-- What stands before the first block runs before every block.
CREATE FUNCTION pg_temp.a_lot(wanted text) RETURNS bigint
    LANGUAGE sql
BEGIN ATOMIC
    WITH known AS (SELECT operator_id FROM registry.operator WHERE code = 'CHECK-12'),
    made AS (
        INSERT INTO registry.operator (code, name, name_en) SELECT 'CHECK-12', '查验', 'Check'
        WHERE NOT EXISTS (SELECT FROM known)
        RETURNING operator_id)
    INSERT INTO registry.lot (
        code, operator_id, name, name_en, town, address, lat_wgs84, lon_wgs84, lat_gcj02, lon_gcj02,
        parking_type, parking_locate, build_type, price_form, opening_hours)
    SELECT wanted, operator_id, '查验', 'Check', '999999999', '查验路1号', 31.9, 120.2, 31.9, 120.2,
           2, 1, 1, 'market', '"24h"'
    FROM (SELECT operator_id FROM known UNION ALL SELECT operator_id FROM made) AS owner
    RETURNING lot_id;
END;

CREATE FUNCTION pg_temp.a_zone(its_lot bigint) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO registry.zone (lot_id, zone, operator_id, name, capacity)
    SELECT lot_id, 'B1', operator_id, 'B1', 1 FROM registry.lot WHERE lot_id = its_lot;
END;

CREATE FUNCTION pg_temp.a_lane(its_lot bigint, way text) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO registry.lane (lane, lot_id, operator_id, direction, confirms_exit, zone)
    SELECT 'check-12', lot_id, operator_id, way, true, 'B1'
    FROM registry.lot WHERE lot_id = its_lot;
END;

-- proves: CONSTRAINT registry.lane.lane_zone_of_lot
DO $$
DECLARE here bigint := pg_temp.a_lot('999999999212'); other bigint := pg_temp.a_lot('999999999213');
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    PERFORM pg_temp.a_zone(other);
    PERFORM pg_temp.a_lane(here, 'entry');
    RAISE EXCEPTION 'a lane leads into a zone of another lot';
EXCEPTION WHEN foreign_key_violation THEN NULL;
END $$;

-- proves: CONSTRAINT registry.lane.lane_zone_is_entered
DO $$
DECLARE here bigint := pg_temp.a_lot('999999999212');
BEGIN
    PERFORM pg_temp.a_zone(here);
    PERFORM pg_temp.a_lane(here, 'exit');
    RAISE EXCEPTION 'a car enters a zone through an exit';
EXCEPTION WHEN check_violation THEN NULL;
END $$;
