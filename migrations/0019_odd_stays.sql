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

-- What was found to be odd of a stay by looking at more than its own car, with what shows it. Whoever
-- owns it looks at it until due_at. It is found again as long as things change, so it is no fact: it
-- holds for the entry or the exit at seen_at alone.
CREATE TABLE stays.oddity (
    lot_id bigint NOT NULL,
    stay_id bigint NOT NULL,
    kind text NOT NULL,
    operator_id bigint NOT NULL,
    owner text NOT NULL,
    seen_at timestamptz NOT NULL,
    found_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    judged_at timestamptz NOT NULL,
    proof jsonb NOT NULL,
    CONSTRAINT oddity_key PRIMARY KEY (lot_id, stay_id, kind),
    CONSTRAINT oddity_owner CHECK (
        CASE kind
            WHEN 'tailgate' THEN owner = 'operator'
            WHEN 'manual_lift' THEN owner = 'operator'
            WHEN 'unopened_exit' THEN owner = 'operator'
            WHEN 'duplicate_entry' THEN owner = 'operator'
            WHEN 'plate_in_two_lots' THEN owner IN ('city', 'operator')
            ELSE false
        END),
    CONSTRAINT oddity_due CHECK (due_at > found_at)
);
CREATE INDEX oddity_by_time ON stays.oddity (seen_at);
CALL access.protect('stays.oddity');
GRANT SELECT, INSERT, UPDATE, DELETE ON stays.oddity TO onepark_service;
GRANT SELECT ON stays.oddity TO onepark_staff;

-- Whether a car was let out is told by its answers; what a person has confirmed stands.
GRANT SELECT ON stays.claim, stays.ruling TO onepark_service;
-- squawk-ignore require-concurrent-index-creation  -- a day's commands and no more
CREATE INDEX command_of_lane ON gate.command (lot_id, lane, created_at);

-- Exits that ended a stay, with what was paid by then and when an answer let the car out.
CREATE VIEW stays.seen_exit WITH (security_invoker = true) AS
    SELECT
        stay.lot_id, stay.stay_id, stay.operator_id, stay.plan_id, stay.exit_lane AS lane,
        stay.entered_at, stay.exited_at, orders.order_no, orders.fee_fen, paid.paid_fen,
        paid.last_paid_at, opened.opened_at, seen.device_id, seen.received_at,
        coalesce(seen.derived, false) AS derived
    FROM stays.stay AS stay
    JOIN stays.stay_order AS orders
        ON orders.lot_id = stay.lot_id AND orders.stay_id = stay.stay_id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount_fen), 0)::bigint AS paid_fen, max(settled_at) AS last_paid_at
        FROM stays.charge AS charge
        WHERE charge.lot_id = orders.lot_id AND charge.order_no = orders.order_no
            AND charge.state = 'settled' AND charge.settled_at <= stay.exited_at
    ) AS paid
    CROSS JOIN LATERAL (
        SELECT device_id, received_at, derived FROM stays.passage AS passage
        WHERE passage.lot_id = stay.lot_id
            AND coalesce(passage.of_car_key, passage.car_key) = stay.car_key
            AND coalesce(passage.corrected_at, passage.seen_at) = stay.exited_at
            AND passage.kind = 'exit' AND passage.stay_id = stay.stay_id
            AND passage.state IN ('folded', 'misread_exit')
        LIMIT 1
    ) AS seen
    CROSS JOIN LATERAL (
        SELECT max(coalesce(asked.corrected_at, asked.seen_at)) AS opened_at
        FROM stays.passage AS asked
        JOIN stays.claim AS claim
            ON claim.lot_id = asked.lot_id AND claim.device_id = asked.device_id
            AND claim.passage_id = asked.passage_id
        WHERE asked.lot_id = stay.lot_id
            AND coalesce(asked.of_car_key, asked.car_key) = stay.car_key
            AND coalesce(asked.corrected_at, asked.seen_at)
                BETWEEN stay.exited_at - interval '10 min' AND stay.exited_at
            AND asked.kind = 'exit_request' AND asked.stay_id = stay.stay_id
            AND convert_from(claim.answer, 'UTF8')::jsonb #>> '{decision,type}' = 'open'
    ) AS opened
    WHERE stay.state = 'closed' AND NOT stay.marks && '{clock_suspect}';
GRANT SELECT ON stays.seen_exit TO onepark_service;

-- One plate that really was inside two lots at once, as both exits show: a cloned plate, or a misread
-- one. It is the city's to look at, for an operator sees one half of it.
CREATE TABLE stays.two_lots (
    pair_id bigint GENERATED ALWAYS AS IDENTITY,
    operator_id bigint, -- NULL: the city's own
    lot_id bigint NOT NULL, -- of the stay that began first
    stay_id bigint NOT NULL,
    other_lot_id bigint NOT NULL,
    other_stay_id bigint NOT NULL,
    found_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    decided_at timestamptz,
    decided_by text,
    verdict text,
    reason text,
    CONSTRAINT two_lots_key PRIMARY KEY (pair_id),
    CONSTRAINT two_lots_city CHECK (operator_id IS NULL),
    CONSTRAINT two_lots_once UNIQUE (lot_id, stay_id, other_lot_id, other_stay_id),
    CONSTRAINT two_lots_apart CHECK (lot_id <> other_lot_id),
    CONSTRAINT two_lots_due CHECK (due_at > found_at),
    CONSTRAINT two_lots_verdict CHECK (verdict IN ('cloned_plate', 'misread', 'wrong_clock')),
    CONSTRAINT two_lots_decided CHECK (
        num_nulls(decided_at, decided_by, verdict, reason) IN (0, 4))
);
CREATE INDEX two_lots_undecided ON stays.two_lots (pair_id) WHERE decided_at IS NULL;
CALL access.protect('stays.two_lots');
GRANT SELECT, INSERT, UPDATE ON stays.two_lots TO onepark_service;
GRANT SELECT ON stays.two_lots TO onepark_staff;
-- squawk-ignore require-concurrent-index-creation  -- no city runs this yet: the table is small
CREATE INDEX evidence_elsewhere ON stays.evidence (found_at) WHERE kind = 'elsewhere';

-- Both visits of each pair that nobody has decided, while both stand and lie over each other.
CREATE VIEW stays.two_visits WITH (security_invoker = true) AS
    SELECT
        pair.pair_id, pair.found_at, pair.due_at, first.plate, first.plate_color,
        greatest(first.entered_at, other.entered_at) AS overlap_from_at,
        least(first.exited_at, other.exited_at) AS overlap_until_at,
        first.lot_id, first.operator_id, first.stay_id, first.entered_at, first.exited_at,
        other.lot_id AS other_lot_id, other.operator_id AS other_operator_id,
        other.stay_id AS other_stay_id, other.entered_at AS other_entered_at,
        other.exited_at AS other_exited_at
    FROM stays.two_lots AS pair
    JOIN stays.stay AS first ON first.lot_id = pair.lot_id AND first.stay_id = pair.stay_id
    JOIN stays.stay AS other
        ON other.lot_id = pair.other_lot_id AND other.stay_id = pair.other_stay_id
    WHERE pair.decided_at IS NULL AND first.state = 'closed' AND other.state = 'closed'
        AND first.entered_at < other.exited_at AND other.entered_at < first.exited_at;
GRANT SELECT ON stays.two_visits TO onepark_service, onepark_staff;

-- A second look at an entry is ordinary, at another lane it is not. The index holds second looks alone.
-- squawk-ignore require-concurrent-index-creation  -- a partitioned table cannot; no city runs this yet
CREATE INDEX passage_entered_again ON stays.passage (received_at) WHERE state = 'duplicate_entry';

-- A pool that held more cars than bays, or fewer than none, by the books: since when, and by how much.
CREATE TABLE stays.odd_count (
    odd_count_id bigint GENERATED ALWAYS AS IDENTITY,
    lot_id bigint NOT NULL,
    pool text NOT NULL,
    operator_id bigint NOT NULL,
    since_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    occupied integer NOT NULL,
    capacity integer NOT NULL,
    off_by_max integer NOT NULL,
    ended_at timestamptz,
    confirmed_at timestamptz,
    confirmed_by text,
    reason text,
    CONSTRAINT odd_count_key PRIMARY KEY (odd_count_id),
    CONSTRAINT odd_count_off CHECK (off_by_max > 0),
    CONSTRAINT odd_count_ended CHECK (ended_at >= since_at),
    CONSTRAINT odd_count_confirmed CHECK (num_nulls(confirmed_at, confirmed_by, reason) IN (0, 3))
);
CREATE UNIQUE INDEX odd_count_one_now ON stays.odd_count (lot_id, pool) WHERE ended_at IS NULL;
CALL access.protect('stays.odd_count');
GRANT SELECT, INSERT, UPDATE ON stays.odd_count TO onepark_service;
GRANT SELECT ON stays.odd_count TO onepark_staff;

-- migrate:down
-- A step back is a new migration forward.
