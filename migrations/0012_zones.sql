-- migrate:up
-- Why: a lot is counted by zone too, and which zone a car is in follows from the lane it came through.
SET LOCAL lock_timeout = '2s';

-- The zone that the cars of a lane enter; its key names the lot, so it is a zone of the same lot.
ALTER TABLE registry.lane ADD COLUMN zone text;
-- Deferred: an import takes zones away before it says where the lanes lead from now on.
ALTER TABLE registry.lane ADD CONSTRAINT lane_zone_of_lot
    FOREIGN KEY (lot_id, zone) REFERENCES registry.zone (lot_id, zone)
    DEFERRABLE INITIALLY DEFERRED NOT VALID;  -- no row has one yet
ALTER TABLE registry.lane ADD CONSTRAINT lane_zone_is_entered
    CHECK (zone IS NULL OR direction <> 'exit') NOT VALID;  -- as above

CREATE OR REPLACE VIEW registry.pub_lane WITH (security_invoker = true) AS
    SELECT lane, lot_id, operator_id, direction, confirms_exit, zone FROM registry.lane;

-- As before, and through which lane the car came.
CREATE OR REPLACE VIEW stays.pub_visit WITH (security_invoker = true) AS
    SELECT
        s.lot_id, s.operator_id, s.pool, s.state, s.entered_at, s.exited_at,
        CASE s.state
            WHEN 'exit_missing' THEN coalesce((
                SELECT min(coalesce(later.entered_at, later.exited_at))
                FROM stays.stay AS later
                WHERE later.lot_id = s.lot_id AND later.car_key = s.car_key
                    AND coalesce(later.entered_at, later.exited_at) > s.entered_at), s.entered_at)
            ELSE s.exited_at
        END AS left_at,
        o.fee_fen > 0 AS charged,
        s.entry_lane
    FROM stays.stay AS s
    LEFT JOIN stays.stay_order AS o ON o.lot_id = s.lot_id AND o.stay_id = s.stay_id
    WHERE s.entered_at IS NOT NULL;

-- migrate:down
-- A step back is a new migration forward.
