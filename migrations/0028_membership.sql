-- migrate:up
-- Why: passes, white lists, fleets and merchants' coupons decide at the barrier. All that they come to
-- for a car is one table that the load of a batch reads by one key; what was sold, to whom and who
-- approved it stands beside it.
SET LOCAL lock_timeout = '2s';

CREATE SCHEMA membership;
GRANT USAGE ON SCHEMA membership TO onepark_batch, onepark_service, onepark_staff;

-- What a car has in a lot (0: in every lot of the city). It begins no earlier than it was recorded, and
-- only its end is ever moved, never before a moment that has passed: so a stay that is over costs the
-- same whenever its passages are heard of.
CREATE TABLE membership.benefit (
    benefit_id bigint GENERATED ALWAYS AS IDENTITY,
    lot_id bigint NOT NULL,
    car_key text NOT NULL,
    operator_id bigint NOT NULL,
    kind text NOT NULL,
    source text NOT NULL,
    source_id bigint NOT NULL,
    name text NOT NULL, -- as it stands on the lines of a fee
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    zone text, -- of the lot; NULL: every one
    windows integer[], -- day mask, from and to minute, again and again; NULL: all the time
    pool text NOT NULL,
    fleet_id bigint, -- it covers only cars that got one of the seats
    seats integer,
    coupon_kind text,
    coupon_value bigint,
    CONSTRAINT benefit_key PRIMARY KEY (lot_id, car_key, benefit_id),
    CONSTRAINT benefit_kind CHECK (
        CASE kind
            WHEN 'pass' THEN source IN ('pass', 'white_list', 'fleet') AND coupon_kind IS NULL
                AND from_at >= recorded_at
            WHEN 'coupon' THEN source = 'coupon' AND coupon_value IS NOT NULL
                AND coupon_kind IN ('minutes', 'off_permille', 'amount_fen', 'full')
            ELSE false
        END),
    CONSTRAINT benefit_forward CHECK (until_at >= from_at),
    CONSTRAINT benefit_windows CHECK (cardinality(windows) % 3 = 0 AND cardinality(windows) BETWEEN 3 AND 42),
    CONSTRAINT benefit_fleet CHECK (num_nulls(fleet_id, seats) IN (0, 2) AND coalesce(seats, 1) > 0)
) WITH (fillfactor = 80);
CREATE INDEX benefit_of_source ON membership.benefit (source, source_id);
CALL access.protect('membership.benefit');
GRANT SELECT ON membership.benefit TO onepark_batch;
GRANT SELECT, INSERT, DELETE, UPDATE (until_at) ON membership.benefit TO onepark_service;
GRANT SELECT, INSERT, UPDATE (until_at) ON membership.benefit TO onepark_staff;

CREATE VIEW membership.pub_benefit WITH (security_invoker = true) AS
    SELECT benefit_id, lot_id, car_key, kind, name, from_at, until_at, zone, windows, pool, fleet_id,
        seats, coupon_kind, coupon_value
    FROM membership.benefit;
GRANT SELECT ON membership.pub_benefit TO onepark_batch, onepark_service, onepark_staff;

CREATE TABLE membership.product (
    product_id bigint GENERATED ALWAYS AS IDENTITY,
    operator_id bigint NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    lots bigint[] NOT NULL, -- none: every lot of the city
    zone text,
    months integer NOT NULL,
    price_fen bigint NOT NULL,
    windows integer[],
    pool text NOT NULL,
    quota integer,
    needs_proof boolean NOT NULL,
    on_sale boolean NOT NULL,
    CONSTRAINT product_key PRIMARY KEY (product_id),
    CONSTRAINT product_kind CHECK (
        kind IN ('monthly', 'quarterly', 'yearly', 'time_sliced', 'resident')
        AND (kind <> 'time_sliced' OR windows IS NOT NULL)),
    CONSTRAINT product_terms CHECK (
        months BETWEEN 1 AND 36 AND price_fen BETWEEN 0 AND 100000000 AND coalesce(quota, 1) > 0
        AND cardinality(lots) <= 200)
);
CALL access.protect('membership.product');
GRANT SELECT ON membership.product TO onepark_service;
GRANT UPDATE (on_sale) ON membership.product TO onepark_service; -- to lock it while one is sold
GRANT SELECT, INSERT, UPDATE (on_sale) ON membership.product TO onepark_staff;

-- A pass, and the order that it is paid by. Free ones are given by staff and have an order, too.
CREATE TABLE membership.pass (
    pass_id bigint GENERATED ALWAYS AS IDENTITY,
    operator_id bigint NOT NULL,
    product_id bigint NOT NULL,
    order_no text NOT NULL,
    plate text NOT NULL,
    plate_color text NOT NULL,
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    state text NOT NULL,
    price_fen bigint NOT NULL,
    paid_fen bigint NOT NULL DEFAULT 0,
    refunded_fen bigint NOT NULL DEFAULT 0,
    refund_due_fen bigint NOT NULL DEFAULT 0,
    made_at timestamptz NOT NULL,
    made_by text NOT NULL,
    proof text,
    earned_fen bigint NOT NULL DEFAULT 0, -- what of it is revenue by now
    earn_at timestamptz, -- when that is looked at next
    CONSTRAINT pass_key PRIMARY KEY (pass_id),
    CONSTRAINT pass_order UNIQUE (order_no),
    CONSTRAINT pass_product FOREIGN KEY (product_id) REFERENCES membership.product,
    CONSTRAINT pass_state CHECK (state IN ('unpaid', 'active', 'cancelled')),
    CONSTRAINT pass_forward CHECK (until_at > from_at),
    CONSTRAINT pass_money CHECK (
        price_fen >= 0 AND refunded_fen >= 0 AND refund_due_fen >= 0
        AND refunded_fen + refund_due_fen <= paid_fen)
);
CREATE INDEX pass_of_product ON membership.pass (product_id, until_at);
CREATE INDEX pass_to_earn ON membership.pass (earn_at) WHERE earn_at IS NOT NULL;
CREATE INDEX pass_of_plate ON membership.pass (plate, plate_color);
CALL access.protect('membership.pass');
GRANT SELECT, INSERT, UPDATE ON membership.pass TO onepark_service;
GRANT SELECT, INSERT, UPDATE ON membership.pass TO onepark_staff;

CREATE TABLE membership.white_list (
    entry_id bigint GENERATED ALWAYS AS IDENTITY,
    operator_id bigint NOT NULL,
    lots bigint[] NOT NULL,
    plate text NOT NULL,
    plate_color text NOT NULL,
    reason text NOT NULL,
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    approved_by text NOT NULL,
    approved_at timestamptz NOT NULL,
    ended_by text,
    ended_at timestamptz,
    CONSTRAINT white_list_key PRIMARY KEY (entry_id),
    CONSTRAINT white_list_reason CHECK (length(reason) BETWEEN 3 AND 500),
    CONSTRAINT white_list_forward CHECK (until_at > from_at),
    CONSTRAINT white_list_ended CHECK (num_nulls(ended_by, ended_at) IN (0, 2))
);
CALL access.protect('membership.white_list');
GRANT SELECT, INSERT, UPDATE (ended_by, ended_at) ON membership.white_list TO onepark_staff;

-- An account with many cars, of which so many are free at once in each of its lots.
CREATE TABLE membership.fleet (
    fleet_id bigint GENERATED ALWAYS AS IDENTITY,
    operator_id bigint NOT NULL,
    name text NOT NULL,
    lots bigint[] NOT NULL,
    seats integer NOT NULL,
    pool text NOT NULL,
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    CONSTRAINT fleet_key PRIMARY KEY (fleet_id),
    CONSTRAINT fleet_seats CHECK (seats BETWEEN 1 AND 10000 AND cardinality(lots) BETWEEN 1 AND 200),
    CONSTRAINT fleet_forward CHECK (until_at > from_at)
);
CALL access.protect('membership.fleet');
GRANT SELECT, INSERT ON membership.fleet TO onepark_staff;

CREATE TABLE membership.fleet_car (
    fleet_car_id bigint GENERATED ALWAYS AS IDENTITY,
    fleet_id bigint NOT NULL,
    operator_id bigint NOT NULL,
    plate text NOT NULL,
    plate_color text NOT NULL,
    added_at timestamptz NOT NULL,
    added_by text NOT NULL,
    removed_at timestamptz,
    CONSTRAINT fleet_car_key PRIMARY KEY (fleet_car_id),
    CONSTRAINT fleet_car_fleet FOREIGN KEY (fleet_id) REFERENCES membership.fleet
);
CREATE UNIQUE INDEX fleet_car_once ON membership.fleet_car (fleet_id, plate, plate_color)
    WHERE removed_at IS NULL;
CALL access.protect('membership.fleet_car');
GRANT SELECT, INSERT, UPDATE (removed_at) ON membership.fleet_car TO onepark_staff;

-- What merchants give. They owe their coupons' worth, up to a budget.
CREATE TABLE membership.coupon_batch (
    batch_id bigint GENERATED ALWAYS AS IDENTITY,
    operator_id bigint NOT NULL, -- whose lots take them, and whom the merchant owes
    merchant text NOT NULL, -- the party of the ledger that pays
    name text NOT NULL,
    kind text NOT NULL,
    value bigint NOT NULL,
    lots bigint[] NOT NULL,
    per_order_max integer NOT NULL,
    stacks boolean NOT NULL, -- with coupons of other batches
    budget_fen bigint NOT NULL,
    spent_fen bigint NOT NULL DEFAULT 0,
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    stopped_at timestamptz,
    CONSTRAINT coupon_batch_key PRIMARY KEY (batch_id),
    CONSTRAINT coupon_batch_merchant CHECK (merchant ~ '^[A-Za-z0-9_.:-]{1,64}$'),
    CONSTRAINT coupon_batch_value CHECK (
        CASE kind
            WHEN 'minutes' THEN value BETWEEN 1 AND 1440
            WHEN 'off_permille' THEN value BETWEEN 1 AND 1000
            WHEN 'amount_fen' THEN value BETWEEN 1 AND 1000000
            WHEN 'full' THEN value = 0
            ELSE false
        END),
    CONSTRAINT coupon_batch_bounds CHECK (
        per_order_max BETWEEN 1 AND 8 AND budget_fen > 0 AND spent_fen >= 0
        AND cardinality(lots) BETWEEN 1 AND 200 AND until_at > from_at)
);
CALL access.protect('membership.coupon_batch');
GRANT SELECT, UPDATE (spent_fen) ON membership.coupon_batch TO onepark_service;
GRANT SELECT, INSERT, UPDATE (stopped_at) ON membership.coupon_batch TO onepark_staff;

CREATE TABLE membership.coupon (
    code text NOT NULL, -- 80 random bits: whoever has it may redeem it
    batch_id bigint NOT NULL,
    operator_id bigint NOT NULL,
    state text NOT NULL,
    redeemed_at timestamptz,
    lot_id bigint,
    order_no text,
    frozen_charge integer, -- the charge that counts it while it is being paid
    worth_fen bigint, -- what the merchant owes for it
    consumed_at timestamptz,
    benefit_id bigint, -- by which it lowers the price
    look_at timestamptz, -- when to see whether its order is over
    CONSTRAINT coupon_key PRIMARY KEY (code),
    CONSTRAINT coupon_batch FOREIGN KEY (batch_id) REFERENCES membership.coupon_batch,
    CONSTRAINT coupon_state CHECK (
        CASE state
            WHEN 'issued' THEN num_nonnulls(redeemed_at, lot_id, order_no, frozen_charge, worth_fen) = 0
            WHEN 'redeemed' THEN num_nulls(redeemed_at, lot_id, order_no) = 0
                AND num_nonnulls(frozen_charge, worth_fen) = 0
            WHEN 'frozen' THEN num_nulls(redeemed_at, lot_id, order_no, frozen_charge) = 0
                AND worth_fen IS NULL
            WHEN 'consumed' THEN num_nulls(redeemed_at, lot_id, order_no, worth_fen, consumed_at) = 0
                AND worth_fen >= 0
            ELSE false
        END)
);
CREATE INDEX coupon_of_order ON membership.coupon (lot_id, order_no) WHERE order_no IS NOT NULL;
CREATE INDEX coupon_to_consume ON membership.coupon (look_at) WHERE state IN ('redeemed', 'frozen');
CREATE INDEX coupon_of_batch ON membership.coupon (batch_id);
CALL access.protect('membership.coupon');
GRANT SELECT, UPDATE ON membership.coupon TO onepark_service;
GRANT SELECT, INSERT ON membership.coupon TO onepark_staff;

CREATE VIEW membership.pub_refund_due WITH (security_invoker = true) AS
    SELECT 0::bigint AS lot_id, order_no, refund_due_fen FROM membership.pass WHERE refund_due_fen > 0;
GRANT SELECT ON membership.pub_refund_due TO onepark_service;

-- A car of a fleet takes one of its seats as it comes, and keeps it; NULL: none.
ALTER TABLE stays.stay ADD COLUMN fleet_id bigint;
CREATE TYPE stays.stay_row_v4 AS (
    lot_id bigint, stay_id bigint, operator_id bigint, car_key text, plate text, plate_color text,
    vehicle text, pool text, plan_id bigint, state text, marks text[], entered_at timestamptz,
    entry_lane text, exited_at timestamptz, exit_lane text, exit_derived boolean,
    cap_anchor_at timestamptz, cap_charged_fen bigint, free_visits_used integer, zone text,
    fleet_id bigint);
-- squawk-ignore require-concurrent-index-creation  -- no city runs this yet: the table is small
CREATE INDEX stay_seated ON stays.stay (lot_id, fleet_id) WHERE state = 'open' AND fleet_id IS NOT NULL;

-- migrate:down
-- A step back is a new migration forward.
