-- migrate:up
-- Why: passages come in any order. What is later than all that is known of a car goes on from what is
-- known; everything else is folded again from the visit before it, out of the passages as they were
-- said. So a passage keeps all that its fold needs, and a car the moment up to which it is known.
SET LOCAL lock_timeout = '2s';

ALTER TABLE stays.car ADD COLUMN known_until_at timestamptz; -- NULL: as its stays tell

-- corrected_at: when it was, if the clock of its device was known to be wrong; else NULL.
-- of_car_key: the car that it was taken for, if its plate was misread; else NULL.
ALTER TABLE stays.passage
    ADD COLUMN corrected_at timestamptz,
    ADD COLUMN of_car_key text,
    ADD COLUMN zone text,
    ADD COLUMN derived boolean,
    ADD COLUMN clock_suspect boolean; -- its device's clock was too far off to bill by; else NULL
-- squawk-ignore require-concurrent-index-creation  -- a partitioned table cannot; no city runs this yet
CREATE INDEX passage_of_car_in_time ON stays.passage
    (lot_id, coalesce(of_car_key, car_key), coalesce(corrected_at, seen_at));
-- squawk-ignore require-concurrent-index-deletion  -- a partitioned table cannot
DROP INDEX stays.passage_of_car;

-- What was taken for a stay may turn out to be none, once more is known or a person says so; and one
-- that ended unseen may have a last possible moment. The new check is wider than the former, so that
-- every row fulfils it already.
-- squawk-ignore ban-drop-constraint
ALTER TABLE stays.stay DROP CONSTRAINT stay_state;
ALTER TABLE stays.stay ADD CONSTRAINT stay_state CHECK (
    CASE state
        WHEN 'open' THEN entered_at IS NOT NULL AND exited_at IS NULL
        WHEN 'closed' THEN entered_at IS NOT NULL AND exited_at IS NOT NULL
        WHEN 'entry_missing' THEN entered_at IS NULL AND exited_at IS NOT NULL
        WHEN 'misread_exit' THEN entered_at IS NULL AND exited_at IS NOT NULL
        WHEN 'exit_missing' THEN entered_at IS NOT NULL
        WHEN 'void' THEN entered_at IS NOT NULL OR exited_at IS NOT NULL
        ELSE false
    END) NOT VALID;

CREATE OR REPLACE VIEW stays.pub_visit WITH (security_invoker = true) AS
    SELECT
        s.lot_id, s.operator_id, s.pool, s.state, s.entered_at, s.exited_at,
        CASE
            WHEN s.state = 'exit_missing' AND s.exited_at IS NULL THEN coalesce((
                SELECT min(coalesce(later.entered_at, later.exited_at))
                FROM stays.stay AS later
                WHERE later.lot_id = s.lot_id AND later.car_key = s.car_key
                    AND later.state <> 'void'
                    AND coalesce(later.entered_at, later.exited_at) > s.entered_at), s.entered_at)
            ELSE s.exited_at
        END AS left_at,
        o.fee_fen > 0 AS charged,
        s.entry_lane
    FROM stays.stay AS s
    LEFT JOIN stays.stay_order AS o ON o.lot_id = s.lot_id AND o.stay_id = s.stay_id
    WHERE s.entered_at IS NOT NULL AND s.state <> 'void';

-- The code of yesterday goes on saving rows of the types of yesterday.
CREATE TYPE stays.car_row_v3 AS (
    lot_id bigint, car_key text, open_stay_id bigint, last_stay_id bigint,
    cap_anchor_at timestamptz, cap_charged_fen bigint, free_entries_at timestamptz[],
    known_until_at timestamptz);
CREATE TYPE stays.passage_row_v2 AS (
    lot_id bigint, device_id text, passage_id text, operator_id bigint, received_at timestamptz,
    seen_at timestamptz, kind text, lane text, car_key text, plate_raw text, plate_color text,
    vehicle text, epoch bigint, seq bigint, ticket text, confidence real, image_url text,
    entered_at timestamptz, state text, stay_id bigint, corrected_at timestamptz, of_car_key text,
    zone text, derived boolean, clock_suspect boolean);
CREATE TYPE stays.stay_and_order AS (stay stays.stay, stay_order stays.stay_order);
CREATE TYPE stays.amended_row AS (
    lot_id bigint, device_id text, passage_id text, received_at timestamptz, state text,
    stay_id bigint);

GRANT SELECT, UPDATE (state, stay_id) ON stays.passage TO onepark_batch;

-- Which of a device's numbered passages are kept, so that it sends again what is missing and no
-- more. A device that lost its memory begins a new epoch; what it lost it says. One that leaves more
-- than 1,000 holes is not asked for them.
CREATE TABLE stays.sequence (
    lot_id bigint NOT NULL,
    device_id text NOT NULL,
    epoch bigint NOT NULL,
    operator_id bigint NOT NULL,
    received int8multirange NOT NULL,
    lost int8multirange NOT NULL DEFAULT '{}',
    reused bigint NOT NULL, -- how often a number came again with another passage
    CONSTRAINT sequence_key PRIMARY KEY (lot_id, device_id, epoch)
) WITH (fillfactor = 70);
CALL access.protect('stays.sequence');
GRANT SELECT, INSERT, UPDATE ON stays.sequence TO onepark_batch, onepark_service;
GRANT SELECT ON stays.sequence TO onepark_staff;

CREATE TYPE stays.progress_row AS (
    lot_id bigint, device_id text, epoch bigint, acked_through bigint, missing int8multirange,
    reused bigint);

CREATE FUNCTION stays.bounded(kept int8multirange) RETURNS int8multirange
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN (SELECT count(*) FROM unnest(kept)) <= 1000 THEN kept
    ELSE range_merge(kept)::int8multirange
END;

-- Numbers count from 1; a 0 does no harm.
CREATE FUNCTION stays.progress_of(told stays.sequence) RETURNS stays.progress_row
    LANGUAGE sql STABLE PARALLEL SAFE
RETURN ROW(
    told.lot_id, told.device_id, told.epoch,
    coalesce((
        SELECT upper(one) - 1 FROM unnest(told.received + told.lost) AS one
        WHERE one @> 1::bigint), 0),
    int8multirange(int8range(1, greatest(upper(told.received), 1))) - told.received - told.lost,
    told.reused)::stays.progress_row;

-- migrate:down
-- A step back is a new migration forward.
