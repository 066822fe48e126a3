-- migrate:up
-- Why: a plate is misread in about one stay of twenty-five, so that its exit finds no stay. It is
-- matched with the plates inside, or a person decides, and what people decide teaches the cameras'
-- models.
SET LOCAL lock_timeout = '2s';

-- What kind of camera a device is: each kind misreads in its own way.
ALTER TABLE registry.device ADD COLUMN camera_model text;
ALTER TABLE registry.device ADD CONSTRAINT device_camera_model_form
    CHECK (camera_model ~ '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$') NOT VALID;  -- no row has one yet

-- An exit that was held as one without an entry may turn out to be another car's. Then the stay that
-- was kept for it never was one. The new check is the former with one state more, so that every row
-- fulfils it already.
-- squawk-ignore ban-drop-constraint
ALTER TABLE stays.stay DROP CONSTRAINT stay_state;
ALTER TABLE stays.stay ADD CONSTRAINT stay_state CHECK (
    CASE state
        WHEN 'open' THEN entered_at IS NOT NULL AND exited_at IS NULL
        WHEN 'closed' THEN entered_at IS NOT NULL AND exited_at IS NOT NULL
        WHEN 'entry_missing' THEN entered_at IS NULL AND exited_at IS NOT NULL
        WHEN 'misread_exit' THEN entered_at IS NULL AND exited_at IS NOT NULL
        WHEN 'exit_missing' THEN entered_at IS NOT NULL AND exited_at IS NULL
        ELSE false
    END) NOT VALID;

-- The plates inside a lot. On orders, because their predicate names no column that an ordinary exit
-- changes and an index does not cover already: exits stay as cheap as they were. Built in the
-- transaction of all the rest, which ends before a queue of passages is full.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX order_inside ON stays.stay_order (lot_id, opened_at) WHERE NOT settled;

-- Something that a person must look at; its owner is the operator, its clock ends at due_at. The
-- passage that waits for the decision is written out: it is folded from here.
CREATE TABLE stays.task (
    task_id bigint GENERATED ALWAYS AS IDENTITY,
    lot_id bigint NOT NULL,
    operator_id bigint NOT NULL,
    kind text NOT NULL,
    device_id text NOT NULL,
    passage_id text NOT NULL,
    passage_kind text NOT NULL,
    lane text NOT NULL,
    car_key text NOT NULL,
    plate text NOT NULL,
    plate_raw text NOT NULL,
    plate_color text NOT NULL,
    vehicle text NOT NULL,
    camera_model text NOT NULL,
    image_url text,
    seen_at timestamptz NOT NULL,
    opened_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    stay_id bigint, -- the stay that was kept for an exit
    verdict text NOT NULL,
    model_version integer NOT NULL,
    candidates jsonb NOT NULL,
    tried_at timestamptz NOT NULL, -- when it was last held against the plates inside
    decided_at timestamptz,
    decided_by text,
    chosen_stay_id bigint, -- NULL: none of the candidates
    outcome jsonb,
    CONSTRAINT task_key PRIMARY KEY (task_id),
    CONSTRAINT task_kind CHECK (kind IN ('misread_exit')),
    CONSTRAINT task_passage_kind CHECK (passage_kind IN ('exit_request', 'exit')),
    CONSTRAINT task_verdict CHECK (verdict IN ('exact', 'accepted', 'ambiguous', 'none')),
    CONSTRAINT task_due CHECK (due_at > opened_at),
    CONSTRAINT task_candidates CHECK (
        jsonb_typeof(candidates) = 'array' AND jsonb_array_length(candidates) <= 5),
    CONSTRAINT task_decided CHECK (
        (decided_at IS NULL) = (decided_by IS NULL) AND (decided_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT task_chosen CHECK (chosen_stay_id IS NULL OR decided_at IS NOT NULL)
);
-- A car that asks again and again is one thing to look at.
CREATE UNIQUE INDEX task_of_waiting_car ON stays.task (lot_id, car_key)
    WHERE decided_at IS NULL AND passage_kind = 'exit_request';
CREATE INDEX task_undecided ON stays.task (operator_id, task_id) WHERE decided_at IS NULL;
CREATE INDEX task_to_try ON stays.task (tried_at) WHERE decided_at IS NULL;

-- What a camera read and what the plate was, as people decided.
CREATE TABLE stays.reading (
    reading_id bigint GENERATED ALWAYS AS IDENTITY,
    task_id bigint NOT NULL,
    lot_id bigint NOT NULL,
    operator_id bigint NOT NULL,
    camera_model text NOT NULL,
    observed text NOT NULL,
    actual text NOT NULL,
    decided_at timestamptz NOT NULL,
    CONSTRAINT reading_key PRIMARY KEY (reading_id),
    CONSTRAINT reading_task FOREIGN KEY (task_id) REFERENCES stays.task,
    CONSTRAINT reading_once UNIQUE (task_id)
);
CREATE INDEX reading_by_camera ON stays.reading (camera_model, reading_id);

-- Versions are kept: a task names the one that it was ranked by.
CREATE TABLE stays.plate_model (
    camera_model text NOT NULL,
    version integer NOT NULL,
    body text NOT NULL,
    readings integer NOT NULL,
    last_reading_id bigint NOT NULL,
    learned_at timestamptz NOT NULL,
    CONSTRAINT plate_model_key PRIMARY KEY (camera_model, version),
    CONSTRAINT plate_model_version CHECK (version >= 1),
    CONSTRAINT plate_model_readings CHECK (readings >= 1),
    CONSTRAINT plate_model_body CHECK (
        octet_length(body) <= 262144 AND jsonb_typeof(body::jsonb) = 'object')
);
CREATE TRIGGER plate_model_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON stays.plate_model
    FOR EACH STATEMENT EXECUTE FUNCTION access.refuse_change();

CALL access.protect('stays.task');
CALL access.protect('stays.reading');

CREATE TYPE stays.task_row AS (
    lot_id bigint, operator_id bigint, kind text, device_id text, passage_id text,
    passage_kind text, lane text, car_key text, plate text, plate_raw text, plate_color text,
    vehicle text, camera_model text, image_url text, seen_at timestamptz, opened_at timestamptz,
    due_at timestamptz, stay_id bigint, verdict text, model_version integer, candidates jsonb,
    tried_at timestamptz);

CREATE TYPE stays.inside_row AS (
    lot_id bigint, stay_id bigint, car_key text, plate text, plate_color text, vehicle text,
    entered_s bigint, left_s bigint);

-- A decision is folded on the path of the passages; its audit row belongs to the same transaction.
GRANT SELECT, INSERT, UPDATE ON stays.task TO onepark_batch;
GRANT INSERT ON stays.reading TO onepark_batch;
GRANT INSERT ON access.audit TO onepark_batch;
GRANT SELECT ON stays.task TO onepark_staff;
GRANT SELECT ON stays.reading TO onepark_service;
GRANT SELECT, INSERT ON stays.plate_model TO onepark_service;

-- migrate:down
-- A step back is a new migration forward.
