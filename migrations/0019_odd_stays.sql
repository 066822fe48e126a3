-- migrate:up
-- Why: while a barrier stands open cars leave unseen. What devices tell of their barriers is kept, and
-- ends stays together with the lot's own count.
SET LOCAL lock_timeout = '2s';

-- Each move of a barrier, as its device says it: a lift is named by its lane and when it began, and
-- the lowering that completes it is a row of its own.
CREATE TABLE gate.barrier_move (
    lot_id bigint NOT NULL,
    device_id text NOT NULL,
    lane text NOT NULL,
    lift_at timestamptz NOT NULL, -- when it was raised, as the device's clock showed
    move text NOT NULL,
    operator_id bigint NOT NULL,
    raised_by text, -- of a raising
    shown_at timestamptz NOT NULL, -- when it moved, as the device's clock showed
    moved_at timestamptz NOT NULL, -- and by the platform's time
    clock_suspect boolean NOT NULL, -- the clock was too far off to be believed
    told_at timestamptz NOT NULL,
    CONSTRAINT barrier_move_key PRIMARY KEY (lot_id, device_id, lane, lift_at, move),
    CONSTRAINT barrier_move_kind CHECK (
        CASE move
            WHEN 'raised' THEN raised_by IS NOT NULL AND shown_at = lift_at
            WHEN 'lowered' THEN raised_by IS NULL AND shown_at >= lift_at
            ELSE false
        END)
);
CREATE INDEX barrier_move_by_time ON gate.barrier_move (moved_at) WHERE move = 'lowered';
CREATE INDEX barrier_move_of_lane ON gate.barrier_move (lot_id, lane, moved_at) WHERE move = 'raised';
CREATE TRIGGER barrier_move_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON gate.barrier_move
    FOR EACH STATEMENT EXECUTE FUNCTION access.refuse_change();
CALL access.protect('gate.barrier_move');
GRANT SELECT, INSERT ON gate.barrier_move TO onepark_service;
GRANT SELECT ON gate.barrier_move TO onepark_staff;

-- Since when a barrier stood open, and until when; NULL: it has not been lowered, as far as is known.
CREATE VIEW gate.pub_barrier WITH (security_invoker = true) AS
    SELECT
        raised.lot_id, raised.operator_id, raised.device_id, raised.lane, raised.lift_at,
        raised.raised_by, raised.moved_at AS raised_at, lowered.moved_at AS lowered_at,
        lowered.shown_at AS lowered_shown_at,
        raised.clock_suspect OR coalesce(lowered.clock_suspect, false) AS clock_suspect,
        greatest(raised.told_at, lowered.told_at) AS told_at
    FROM gate.barrier_move AS raised
    LEFT JOIN gate.barrier_move AS lowered
        ON lowered.lot_id = raised.lot_id AND lowered.device_id = raised.device_id
        AND lowered.lane = raised.lane AND lowered.lift_at = raised.lift_at
        AND lowered.move = 'lowered'
    WHERE raised.move = 'raised';
GRANT SELECT ON gate.pub_barrier TO onepark_service, onepark_staff;

-- The barrier and the count that show together that cars have left. The new check is wider than the
-- former, so that every row fulfils it already.
ALTER TABLE stays.evidence
    ADD COLUMN lane text,
    ADD COLUMN raised_by text,
    ADD COLUMN raised_at timestamptz,
    ADD COLUMN lowered_at timestamptz,
    ADD COLUMN counted_at timestamptz, -- the lot's own count after it, and how many it held
    ADD COLUMN counted integer;
-- squawk-ignore ban-drop-constraint
ALTER TABLE stays.evidence DROP CONSTRAINT evidence_kind;
ALTER TABLE stays.evidence ADD CONSTRAINT evidence_kind CHECK (
    CASE kind
        WHEN 'elsewhere' THEN other_lot_id IS NOT NULL AND other_stay_id IS NOT NULL
        WHEN 'lot_empty' THEN told_by IS NOT NULL
        WHEN 'gate_left_open' THEN
            told_by IS NOT NULL AND lane IS NOT NULL AND raised_by IS NOT NULL
            AND counted IS NOT NULL AND lowered_at >= raised_at AND counted_at >= lowered_at
        ELSE false
    END) NOT VALID;

-- migrate:down
-- A step back is a new migration forward.
