-- migrate:up
-- Why: a tariff may give free minutes to so many visits of a plate in a day or in 24 hours only. A
-- car's row remembers which visits were given them; a stay keeps how many there had been when it
-- began, so that it can be priced again for ever.
SET LOCAL lock_timeout = '2s';

-- Entries, in order; NULL: none that counts.
ALTER TABLE stays.car ADD COLUMN free_entries_at timestamptz[];
ALTER TABLE stays.car ADD CONSTRAINT car_free_entries
    CHECK (cardinality(free_entries_at) <= 100) NOT VALID;  -- no row has any yet

-- NULL: the plan in force at the entry counts no visits.
ALTER TABLE stays.stay ADD COLUMN free_visits_used integer;
ALTER TABLE stays.stay ADD CONSTRAINT stay_free_visits_used
    CHECK (free_visits_used BETWEEN 0 AND 100) NOT VALID;  -- no row has any yet

-- The code of yesterday goes on saving rows of the types of yesterday.
CREATE TYPE stays.stay_row_v2 AS (
    lot_id bigint, stay_id bigint, operator_id bigint, car_key text, plate text, plate_color text,
    vehicle text, pool text, plan_id bigint, state text, marks text[], entered_at timestamptz,
    entry_lane text, exited_at timestamptz, exit_lane text, exit_derived boolean,
    cap_anchor_at timestamptz, cap_charged_fen bigint, free_visits_used integer);
CREATE TYPE stays.car_row_v2 AS (
    lot_id bigint, car_key text, open_stay_id bigint, last_stay_id bigint,
    cap_anchor_at timestamptz, cap_charged_fen bigint, free_entries_at timestamptz[]);

-- migrate:down
-- A step back is a new migration forward.
