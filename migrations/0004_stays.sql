-- migrate:up
-- Why: a passage becomes a stay, its order and a count in one transaction. Every key starts with
-- lot_id, so that a lot can move to another server whole.
SET LOCAL lock_timeout = '2s';

CREATE SCHEMA stays;
GRANT USAGE ON SCHEMA stays TO onepark_batch, onepark_service, onepark_staff;

-- The first half of every count's version. A restored database gets a later one, so that an
-- older Redis does not refuse its counts as stale.
CREATE TABLE stays.incarnation (
    only_row boolean NOT NULL DEFAULT true,
    number bigint NOT NULL,
    began_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT incarnation_key PRIMARY KEY (only_row),
    CONSTRAINT incarnation_one CHECK (only_row)
);
INSERT INTO stays.incarnation (number) VALUES ((extract(epoch FROM clock_timestamp()) * 1000)::bigint);

-- Stay numbers are handed out in blocks: one nextval a batch.
CREATE SEQUENCE stays.stay_block AS bigint START WITH 4096 INCREMENT BY 4096;

-- The same passage_id of a device gets the same answer for ever: never dropped, never updated
-- after its transaction.
CREATE TABLE stays.claim (
    lot_id bigint NOT NULL,
    device_id text NOT NULL,
    passage_id text NOT NULL,
    fingerprint bytea NOT NULL,
    answer bytea,
    CONSTRAINT claim_key PRIMARY KEY (lot_id, device_id, passage_id)
) PARTITION BY HASH (lot_id);

DO $$
BEGIN
    FOR part IN 0..7 LOOP
        EXECUTE format(
            'CREATE TABLE stays.claim_%s PARTITION OF stays.claim'
            ' FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part);
    END LOOP;
END $$;

-- What two batches meet at. open_stay_id, not an index, holds the one open stay of a car: an exit
-- and a re-entry may be saved by one statement, whose parts run in no stated order.
CREATE TABLE stays.car (
    lot_id bigint NOT NULL,
    car_key text NOT NULL,
    operator_id bigint NOT NULL,
    open_stay_id bigint,
    last_stay_id bigint,
    cap_anchor_at timestamptz,
    cap_charged_fen bigint,
    CONSTRAINT car_key PRIMARY KEY (lot_id, car_key)
) WITH (fillfactor = 70);

CREATE TABLE stays.stay (
    lot_id bigint NOT NULL,
    stay_id bigint NOT NULL,
    operator_id bigint NOT NULL,
    car_key text NOT NULL,
    plate text NOT NULL,
    plate_color text NOT NULL,
    vehicle text NOT NULL,
    pool text NOT NULL,
    plan_id bigint,
    state text NOT NULL,
    marks text[] NOT NULL,
    entered_at timestamptz,
    entry_lane text,
    exited_at timestamptz,
    exit_lane text,
    exit_derived boolean NOT NULL,
    cap_anchor_at timestamptz, -- what earlier visits had used of a cap when this one began
    cap_charged_fen bigint,
    CONSTRAINT stay_key PRIMARY KEY (lot_id, stay_id),
    CONSTRAINT stay_state CHECK (
        CASE state
            WHEN 'open' THEN entered_at IS NOT NULL AND exited_at IS NULL
            WHEN 'closed' THEN entered_at IS NOT NULL AND exited_at IS NOT NULL
            WHEN 'entry_missing' THEN entered_at IS NULL AND exited_at IS NOT NULL
            WHEN 'exit_missing' THEN entered_at IS NOT NULL AND exited_at IS NULL
            ELSE false
        END),
    CONSTRAINT stay_forward CHECK (exited_at >= entered_at)
) WITH (fillfactor = 80);
CREATE INDEX stay_of_car ON stays.stay (lot_id, car_key);

-- What is owed for a stay. While the stay is open the fee is not fixed: fee_fen and owed_fen are
-- NULL and looking writes nothing. After it: fee = paid + owed + written off - to be refunded.
CREATE TABLE stays.stay_order (
    lot_id bigint NOT NULL,
    order_no text NOT NULL,
    stay_id bigint NOT NULL,
    operator_id bigint NOT NULL,
    car_key text NOT NULL,
    plate text NOT NULL,
    state text NOT NULL,
    opened_at timestamptz NOT NULL,
    fee_fen bigint,
    owed_fen bigint,
    paid_fen bigint NOT NULL,
    written_off_fen bigint NOT NULL,
    refund_due_fen bigint NOT NULL,
    covered_until_at timestamptz,
    quoted_fen bigint,
    quoted_at timestamptz,
    asked_lane text,
    asked_device_id text,
    asked_passage_id text,
    asked_at timestamptz,
    settled boolean NOT NULL,
    CONSTRAINT order_key PRIMARY KEY (lot_id, order_no),
    CONSTRAINT order_state CHECK (state IN ('open', 'partly_paid', 'paid', 'void')),
    CONSTRAINT order_money CHECK (
        paid_fen >= 0 AND written_off_fen >= 0 AND refund_due_fen >= 0
        AND (fee_fen IS NULL) = (owed_fen IS NULL)
        AND coalesce(owed_fen, 0) >= 0
        AND (fee_fen IS NULL OR fee_fen = paid_fen + owed_fen + written_off_fen - refund_due_fen)),
    CONSTRAINT order_settled CHECK (NOT settled OR owed_fen = 0)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX order_of_stay ON stays.stay_order (lot_id, stay_id);
CREATE INDEX order_unsettled_by_plate ON stays.stay_order (plate) WHERE NOT settled;

-- One frozen amount of an order. It is settled at most once.
CREATE TABLE stays.charge (
    lot_id bigint NOT NULL,
    order_no text NOT NULL,
    charge_no integer NOT NULL,
    operator_id bigint NOT NULL,
    amount_fen bigint NOT NULL,
    priced_until_at timestamptz NOT NULL,
    plan_id bigint,
    lines jsonb NOT NULL,
    state text NOT NULL,
    frozen_at timestamptz NOT NULL,
    settled_by text,
    settled_at timestamptz,
    CONSTRAINT charge_key PRIMARY KEY (lot_id, order_no, charge_no),
    CONSTRAINT charge_order FOREIGN KEY (lot_id, order_no) REFERENCES stays.stay_order,
    CONSTRAINT charge_amount CHECK (amount_fen > 0),
    CONSTRAINT charge_state CHECK (state IN ('live', 'settled', 'dropped')),
    CONSTRAINT charge_settled CHECK ((state = 'settled') = (settled_by IS NOT NULL))
);
CREATE UNIQUE INDEX charge_one_live ON stays.charge (lot_id, order_no) WHERE state = 'live';

-- The number of open stays of a lot and pool, kept by deltas.
CREATE TABLE stays.count (
    lot_id bigint NOT NULL,
    pool text NOT NULL,
    operator_id bigint NOT NULL,
    n bigint NOT NULL,
    occupied integer NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT count_key PRIMARY KEY (lot_id, pool)
) WITH (fillfactor = 50);

-- What the devices said, as they said it.
CREATE TABLE stays.passage (
    lot_id bigint NOT NULL,
    device_id text NOT NULL,
    passage_id text NOT NULL,
    operator_id bigint NOT NULL,
    received_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    kind text NOT NULL,
    lane text NOT NULL,
    car_key text NOT NULL,
    plate_raw text NOT NULL,
    plate_color text NOT NULL,
    vehicle text NOT NULL,
    epoch bigint,
    seq bigint,
    ticket text,
    confidence real,
    image_url text,
    entered_at timestamptz,
    state text NOT NULL,
    stay_id bigint
) PARTITION BY RANGE (received_at);
CREATE TABLE stays.passage_rest PARTITION OF stays.passage DEFAULT;
CREATE INDEX passage_of_car ON stays.passage (lot_id, car_key, seen_at);

-- Months are made ahead; what falls outside every month still lands in passage_rest.
CREATE FUNCTION stays.make_passage_months(ahead integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    made integer := 0;
    first_day timestamptz;
    name text;
BEGIN
    FOR i IN 0..ahead LOOP
        first_day := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => i))
            AT TIME ZONE 'UTC';
        name := 'passage_' || to_char(first_day AT TIME ZONE 'UTC', 'YYYYMM');
        IF to_regclass('stays.' || name) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE stays.%I PARTITION OF stays.passage FOR VALUES FROM (%L) TO (%L)',
                name, first_day, (first_day AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC');
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;
SELECT stays.make_passage_months(2);

CREATE TABLE stays.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fact text NOT NULL,
    payload text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_by_fact ON stays.outbox (fact, id);

-- The rows that one batch saves, as arrays of these types. They are apart from the tables so that
-- a column can be added to a table while the code of yesterday still runs.
CREATE TYPE stays.stay_row AS (
    lot_id bigint, stay_id bigint, operator_id bigint, car_key text, plate text, plate_color text,
    vehicle text, pool text, plan_id bigint, state text, marks text[], entered_at timestamptz,
    entry_lane text, exited_at timestamptz, exit_lane text, exit_derived boolean,
    cap_anchor_at timestamptz, cap_charged_fen bigint);
CREATE TYPE stays.order_row AS (
    lot_id bigint, order_no text, stay_id bigint, operator_id bigint, car_key text, plate text,
    state text, opened_at timestamptz, fee_fen bigint, owed_fen bigint, paid_fen bigint,
    written_off_fen bigint, refund_due_fen bigint, covered_until_at timestamptz, quoted_fen bigint,
    quoted_at timestamptz, asked_lane text, asked_device_id text, asked_passage_id text,
    asked_at timestamptz, settled boolean);
CREATE TYPE stays.car_row AS (
    lot_id bigint, car_key text, open_stay_id bigint, last_stay_id bigint,
    cap_anchor_at timestamptz, cap_charged_fen bigint);
CREATE TYPE stays.passage_row AS (
    lot_id bigint, device_id text, passage_id text, operator_id bigint, received_at timestamptz,
    seen_at timestamptz, kind text, lane text, car_key text, plate_raw text, plate_color text,
    vehicle text, epoch bigint, seq bigint, ticket text, confidence real, image_url text,
    entered_at timestamptz, state text, stay_id bigint);
CREATE TYPE stays.answer_row AS (lot_id bigint, device_id text, passage_id text, answer bytea);
CREATE TYPE stays.delta_row AS (lot_id bigint, pool text, operator_id bigint, delta integer);

CREATE VIEW stays.pub_count WITH (security_invoker = true) AS
    SELECT c.lot_id, c.pool, c.operator_id, i.number AS incarnation, c.n, c.occupied, c.changed_at
    FROM stays.count AS c CROSS JOIN stays.incarnation AS i;

-- For whoever adds the books up: what is inside and what is owed, never who.
CREATE VIEW stays.pub_open_stay WITH (security_invoker = true) AS
    SELECT lot_id, pool, operator_id, count(*) AS stays
    FROM stays.stay WHERE state = 'open' GROUP BY lot_id, pool, operator_id;
CREATE VIEW stays.pub_charge WITH (security_invoker = true) AS
    SELECT lot_id, order_no, charge_no, operator_id, amount_fen, state, settled_by, settled_at
    FROM stays.charge;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['car', 'stay', 'stay_order', 'charge', 'count', 'passage'] LOOP
        EXECUTE format('CALL access.protect(%L)', 'stays.' || name);
    END LOOP;
END $$;

GRANT SELECT ON stays.incarnation TO onepark_batch, onepark_service;
GRANT USAGE ON SEQUENCE stays.stay_block TO onepark_batch;
GRANT SELECT, INSERT, UPDATE ON stays.claim TO onepark_batch;
GRANT SELECT, INSERT, UPDATE ON stays.car, stays.stay, stays.stay_order, stays.count
    TO onepark_batch, onepark_service;
GRANT SELECT, INSERT, UPDATE ON stays.charge TO onepark_service;
GRANT INSERT ON stays.passage TO onepark_batch;
GRANT SELECT ON stays.passage TO onepark_service;
GRANT INSERT ON stays.outbox TO onepark_batch;
GRANT SELECT, INSERT, UPDATE, DELETE ON stays.outbox TO onepark_service;
GRANT SELECT ON stays.pub_count, stays.pub_open_stay, stays.pub_charge TO onepark_service;
GRANT SELECT ON stays.stay, stays.stay_order, stays.charge, stays.count, stays.passage
    TO onepark_staff;
REVOKE ALL ON FUNCTION stays.make_passage_months(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION stays.make_passage_months(integer) TO onepark_service;

-- migrate:down
-- A step back is a new migration forward.
