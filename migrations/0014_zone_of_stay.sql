-- migrate:up
-- Why: a tariff may price each zone of a lot apart. A stay keeps the zone that its car came into, so
-- that it is priced alike for ever, wherever the lane leads later.
SET LOCAL lock_timeout = '2s';

-- NULL: the lane leads into no zone, or nobody saw the entry.
ALTER TABLE stays.stay ADD COLUMN zone text;

-- The code of yesterday goes on saving rows of the types of yesterday.
CREATE TYPE stays.stay_row_v3 AS (
    lot_id bigint, stay_id bigint, operator_id bigint, car_key text, plate text, plate_color text,
    vehicle text, pool text, plan_id bigint, state text, marks text[], entered_at timestamptz,
    entry_lane text, exited_at timestamptz, exit_lane text, exit_derived boolean,
    cap_anchor_at timestamptz, cap_charged_fen bigint, free_visits_used integer, zone text);

-- migrate:down
-- A step back is a new migration forward.
