-- migrate:up
-- Why: a claim was written without its answer and then amended with it, two rows and two entries of
-- its index a passage. Its car's row is what two batches meet at; a claim is written once, with its
-- answer, when the batch is saved. Rows go to the server as arrays of these types: one array costs
-- both sides less than one for each column.
SET LOCAL lock_timeout = '2s';

CREATE TYPE stays.car_name_row AS (lot_id bigint, car_key text, operator_id bigint);
CREATE TYPE stays.asking_row AS (
    lot_id bigint, device_id text, passage_id text, car_key text, seen_at timestamptz,
    may_ask boolean);
-- With the claim of the passage at its end.
CREATE TYPE stays.passage_row_v3 AS (
    lot_id bigint, device_id text, passage_id text, operator_id bigint, received_at timestamptz,
    seen_at timestamptz, kind text, lane text, car_key text, plate_raw text, plate_color text,
    vehicle text, epoch bigint, seq bigint, ticket text, confidence real, image_url text,
    entered_at timestamptz, state text, stay_id bigint, corrected_at timestamptz, of_car_key text,
    zone text, derived boolean, clock_suspect boolean, fingerprint bytea, answer bytea);
CREATE TYPE stays.fact_row AS (fact text, payload text);

-- Cars of one request often leave together, and lie in few pages: a page that keeps room for the
-- ends of its stays needs no new entries in its indexes for them.
ALTER TABLE stays.stay SET (fillfactor = 60);
ALTER TABLE stays.stay_order SET (fillfactor = 60);

-- A car that comes or goes is a fact that nobody acts on: it needs no way to be found by its kind.
-- squawk-ignore require-concurrent-index-creation  -- no city runs this yet: the table is small
CREATE INDEX outbox_waiting ON stays.outbox (fact, id)
    WHERE fact NOT IN ('stays.entered.v1', 'stays.left.v1');
-- squawk-ignore require-concurrent-index-deletion  -- as above
DROP INDEX stays.outbox_by_fact;

-- migrate:down
-- A step back is a new migration forward.
