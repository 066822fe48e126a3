-- migrate:up
-- Why: every passage, price and payment names a lot, a lane or a device; what they are is filed here.
SET LOCAL lock_timeout = '2s';

CREATE SCHEMA registry;
GRANT USAGE ON SCHEMA registry TO onepark_batch, onepark_service, onepark_staff;

-- Moves whenever a row of the registry does; processes compare it with the snapshot they hold.
CREATE TABLE registry.version (
    only_row boolean CONSTRAINT version_key PRIMARY KEY DEFAULT true,
    number bigint NOT NULL,
    CONSTRAINT version_one_row CHECK (only_row)
);
INSERT INTO registry.version (number) VALUES (1);
-- The importer locks the row, so that two imports do not pass each other.
GRANT SELECT, UPDATE ON registry.version TO onepark_service;

CREATE FUNCTION registry.move_version() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM moved) THEN
        UPDATE registry.version SET number = number + 1;
    END IF;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION registry.move_version() FROM PUBLIC;

-- No writer can forget the version: a statement that moved no row does not move it either.
CREATE PROCEDURE registry.watch(target regclass)
    LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format(
        'CREATE TRIGGER version_on_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS moved'
        ' FOR EACH STATEMENT EXECUTE FUNCTION registry.move_version()', target);
    EXECUTE format(
        'CREATE TRIGGER version_on_update AFTER UPDATE ON %s REFERENCING NEW TABLE AS moved'
        ' FOR EACH STATEMENT EXECUTE FUNCTION registry.move_version()', target);
    EXECUTE format(
        'CREATE TRIGGER version_on_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS moved'
        ' FOR EACH STATEMENT EXECUTE FUNCTION registry.move_version()', target);
END $$;

-- A key that the past of the city was written under is never given to another lot.
CREATE FUNCTION registry.refuse_move() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'a % belongs to one lot for life', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TABLE registry.operator (
    operator_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT operator_key PRIMARY KEY,
    code text NOT NULL,
    name text NOT NULL,
    name_en text NOT NULL,
    CONSTRAINT operator_code_once UNIQUE (code),
    CONSTRAINT operator_code_form CHECK (code ~ '^[A-Za-z0-9-]{2,32}$'),
    CONSTRAINT operator_name_short CHECK (length(name) BETWEEN 1 AND 128)
);

CREATE TABLE registry.lot (
    lot_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT lot_key PRIMARY KEY,
    code text NOT NULL,
    operator_id bigint NOT NULL
        CONSTRAINT lot_operator_known REFERENCES registry.operator (operator_id),
    name text NOT NULL,
    name_en text NOT NULL,
    town text NOT NULL,
    address text NOT NULL,
    lat_wgs84 double precision NOT NULL,
    lon_wgs84 double precision NOT NULL,
    lat_gcj02 double precision NOT NULL,
    lon_gcj02 double precision NOT NULL,
    parking_type smallint NOT NULL,
    parking_locate smallint NOT NULL,
    build_type smallint NOT NULL,
    attached_type text,
    price_form text NOT NULL,
    plan_key text,
    opening_hours jsonb NOT NULL,
    CONSTRAINT lot_code_once UNIQUE (code),
    CONSTRAINT lot_of_operator UNIQUE (lot_id, operator_id),
    CONSTRAINT lot_code_form CHECK (code ~ '^[0-9]{12}$'),
    CONSTRAINT lot_town_form CHECK (town ~ '^[0-9]{9}$'),
    CONSTRAINT lot_name_short CHECK (length(name) BETWEEN 1 AND 128),
    -- China's own extent; an exchanged latitude and longitude falls outside.
    CONSTRAINT lot_position_wgs84 CHECK (lat_wgs84 BETWEEN 3 AND 54 AND lon_wgs84 BETWEEN 73 AND 136),
    CONSTRAINT lot_position_gcj02 CHECK (lat_gcj02 BETWEEN 3 AND 54 AND lon_gcj02 BETWEEN 73 AND 136),
    CONSTRAINT lot_parking_type CHECK (parking_type BETWEEN 1 AND 3),
    CONSTRAINT lot_roadside_is_on_street CHECK ((parking_type = 3) = (parking_locate = 2)),
    CONSTRAINT lot_parking_locate CHECK (parking_locate BETWEEN 1 AND 2),
    CONSTRAINT lot_build_type CHECK (build_type BETWEEN 1 AND 3),
    CONSTRAINT lot_attached_type CHECK (
        CASE WHEN parking_type = 1 THEN coalesce(attached_type ~ '^(0[1-9]|1[0-6])$', false)
             ELSE attached_type IS NULL END),
    CONSTRAINT lot_price_form CHECK (
        price_form IN ('government_fixed', 'government_guided', 'market')),
    CONSTRAINT lot_plan_key_form CHECK (plan_key ~ '^[a-z0-9_]{1,64}$'),
    CONSTRAINT lot_opening_hours CHECK (
        opening_hours = '"24h"' OR jsonb_typeof(opening_hours) = 'array')
);
CREATE INDEX lot_by_operator ON registry.lot (operator_id, code);
CREATE TRIGGER lot_keeps_its_code BEFORE UPDATE OF lot_id, code ON registry.lot
    FOR EACH ROW WHEN (OLD.code <> NEW.code OR OLD.lot_id <> NEW.lot_id)
    EXECUTE FUNCTION access.refuse_change();

CREATE TABLE registry.pool (
    lot_id bigint NOT NULL,
    pool text NOT NULL,
    operator_id bigint NOT NULL,
    capacity integer NOT NULL,
    CONSTRAINT pool_key PRIMARY KEY (lot_id, pool),
    CONSTRAINT pool_of_lot FOREIGN KEY (lot_id, operator_id)
        REFERENCES registry.lot (lot_id, operator_id),
    CONSTRAINT pool_known CHECK (
        pool IN ('short_stay', 'contract', 'reserved', 'disabled', 'charging')),
    CONSTRAINT pool_capacity CHECK (capacity BETWEEN 0 AND 100000)
);

CREATE TABLE registry.zone (
    lot_id bigint NOT NULL,
    zone text NOT NULL,
    operator_id bigint NOT NULL,
    name text NOT NULL,
    capacity integer NOT NULL,
    CONSTRAINT zone_key PRIMARY KEY (lot_id, zone),
    CONSTRAINT zone_of_lot FOREIGN KEY (lot_id, operator_id)
        REFERENCES registry.lot (lot_id, operator_id),
    CONSTRAINT zone_form CHECK (zone ~ '^[A-Za-z0-9-]{1,16}$'),
    CONSTRAINT zone_capacity CHECK (capacity BETWEEN 0 AND 100000)
);

CREATE TABLE registry.lane (
    lane text CONSTRAINT lane_key PRIMARY KEY,  -- unique in the city
    lot_id bigint NOT NULL,
    operator_id bigint NOT NULL,
    direction text NOT NULL,
    confirms_exit boolean NOT NULL,
    CONSTRAINT lane_of_lot FOREIGN KEY (lot_id, operator_id)
        REFERENCES registry.lot (lot_id, operator_id),
    CONSTRAINT lane_in_lot UNIQUE (lane, lot_id),
    CONSTRAINT lane_form CHECK (lane ~ '^[A-Za-z0-9_-]{1,64}$'),
    CONSTRAINT lane_direction CHECK (direction IN ('entry', 'exit', 'both'))
);
CREATE INDEX lane_by_lot ON registry.lane (lot_id);
CREATE TRIGGER lane_stays BEFORE UPDATE OF lane, lot_id ON registry.lane
    FOR EACH ROW WHEN (OLD.lot_id <> NEW.lot_id OR OLD.lane <> NEW.lane)
    EXECUTE FUNCTION registry.refuse_move();

CREATE TABLE registry.device (
    device_id text CONSTRAINT device_key PRIMARY KEY,  -- unique in the city
    lot_id bigint NOT NULL,
    operator_id bigint NOT NULL,
    CONSTRAINT device_of_lot FOREIGN KEY (lot_id, operator_id)
        REFERENCES registry.lot (lot_id, operator_id),
    CONSTRAINT device_in_lot UNIQUE (device_id, lot_id),
    CONSTRAINT device_form CHECK (device_id ~ '^[A-Za-z0-9_-]{1,64}$')
);
CREATE INDEX device_by_lot ON registry.device (lot_id);
-- Passage ids are unique to their device for ever, so a device never starts anew in another lot.
CREATE TRIGGER device_stays BEFORE UPDATE OF device_id, lot_id ON registry.device
    FOR EACH ROW WHEN (OLD.lot_id <> NEW.lot_id OR OLD.device_id <> NEW.device_id)
    EXECUTE FUNCTION registry.refuse_move();

CREATE TABLE registry.device_lane (
    device_id text NOT NULL,
    lane text NOT NULL,
    lot_id bigint NOT NULL,
    operator_id bigint NOT NULL,
    CONSTRAINT device_lane_key PRIMARY KEY (device_id, lane),
    -- Both sides name the lot, so a device cannot speak for a lane of another one.
    CONSTRAINT device_lane_device FOREIGN KEY (device_id, lot_id)
        REFERENCES registry.device (device_id, lot_id),
    CONSTRAINT device_lane_lane FOREIGN KEY (lane, lot_id) REFERENCES registry.lane (lane, lot_id),
    CONSTRAINT device_lane_of_lot FOREIGN KEY (lot_id, operator_id)
        REFERENCES registry.lot (lot_id, operator_id)
);

CREATE TABLE registry.device_secret (
    secret_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT device_secret_key PRIMARY KEY,
    device_id text NOT NULL,
    lot_id bigint NOT NULL,
    operator_id bigint NOT NULL,
    sealed bytea NOT NULL,
    not_before timestamptz NOT NULL,
    not_after timestamptz,  -- NULL: the present one
    CONSTRAINT device_secret_device FOREIGN KEY (device_id, lot_id)
        REFERENCES registry.device (device_id, lot_id),
    CONSTRAINT device_secret_of_lot FOREIGN KEY (lot_id, operator_id)
        REFERENCES registry.lot (lot_id, operator_id),
    CONSTRAINT device_secret_span CHECK (not_after >= not_before)
);
CREATE UNIQUE INDEX device_secret_one_present ON registry.device_secret (device_id)
    WHERE not_after IS NULL;
CREATE INDEX device_secret_by_device ON registry.device_secret (device_id, not_after);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'operator', 'lot', 'pool', 'zone', 'lane', 'device', 'device_lane', 'device_secret'
    ] LOOP
        CALL access.protect(('registry.' || name)::regclass);
        CALL registry.watch(('registry.' || name)::regclass);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON registry.%I TO onepark_service', name);
    END LOOP;
END $$;
-- A lot, lane or device is never taken away: the past refers to it.
GRANT DELETE ON registry.pool, registry.zone, registry.device_lane TO onepark_service;

GRANT SELECT ON registry.operator, registry.lot, registry.pool, registry.zone, registry.lane,
    registry.device, registry.device_lane TO onepark_staff;
GRANT SELECT (device_id, lot_id, operator_id, not_before, not_after), INSERT, UPDATE (not_after)
    ON registry.device_secret TO onepark_staff;  -- to rotate a key is not to read one

-- What other contexts may read, each with the rights of whoever asks.
CREATE VIEW registry.pub_operator WITH (security_invoker = true) AS
    SELECT operator_id, code, name, name_en FROM registry.operator;
CREATE VIEW registry.pub_lot WITH (security_invoker = true) AS
    SELECT lot_id, code, operator_id, name, name_en, town, parking_type, parking_locate,
           attached_type, build_type, price_form, plan_key, opening_hours,
           lat_wgs84, lon_wgs84, lat_gcj02, lon_gcj02
    FROM registry.lot;
CREATE VIEW registry.pub_pool WITH (security_invoker = true) AS
    SELECT lot_id, pool, operator_id, capacity FROM registry.pool;
CREATE VIEW registry.pub_lane WITH (security_invoker = true) AS
    SELECT lane, lot_id, operator_id, direction, confirms_exit FROM registry.lane;
CREATE VIEW registry.pub_device WITH (security_invoker = true) AS
    SELECT device_id, lot_id, operator_id FROM registry.device;
GRANT SELECT ON registry.pub_operator, registry.pub_lot, registry.pub_pool, registry.pub_lane,
    registry.pub_device TO onepark_service, onepark_staff;

-- migrate:down
-- A step back is a new migration forward.
