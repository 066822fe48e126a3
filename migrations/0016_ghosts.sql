-- migrate:up
-- Why: a car whose exit nobody saw stays inside for ever in the books. What shows that it has gone (it
-- went in elsewhere, or its lot says that it is empty) is kept, ends the stay after a while, and is
-- shown.
SET LOCAL lock_timeout = '2s';

CREATE TABLE stays.evidence (
    evidence_id bigint GENERATED ALWAYS AS IDENTITY,
    lot_id bigint NOT NULL,
    stay_id bigint NOT NULL,
    operator_id bigint NOT NULL,
    kind text NOT NULL,
    gone_by_at timestamptz NOT NULL, -- the last moment at which the car can have been inside
    other_lot_id bigint, -- where it was seen going in
    other_stay_id bigint,
    told_by text, -- the device whose snapshot said that the lot was empty
    found_at timestamptz NOT NULL,
    acts_at timestamptz NOT NULL, -- until then the exit may still be heard of
    acted_at timestamptz,
    CONSTRAINT evidence_key PRIMARY KEY (evidence_id),
    CONSTRAINT evidence_once UNIQUE (lot_id, stay_id, kind),
    CONSTRAINT evidence_kind CHECK (
        CASE kind
            WHEN 'elsewhere' THEN other_lot_id IS NOT NULL AND other_stay_id IS NOT NULL
            WHEN 'lot_empty' THEN told_by IS NOT NULL
            ELSE false
        END)
);
CREATE INDEX evidence_waiting ON stays.evidence (acts_at) WHERE acted_at IS NULL;
CALL access.protect('stays.evidence');
GRANT SELECT, INSERT, UPDATE ON stays.evidence TO onepark_service;
GRANT SELECT ON stays.evidence TO onepark_staff;

CREATE VIEW stays.ghost WITH (security_invoker = true) AS
    SELECT
        evidence.evidence_id, evidence.lot_id, evidence.operator_id, evidence.stay_id,
        evidence.kind, evidence.gone_by_at, evidence.acts_at, evidence.other_lot_id, stay.car_key,
        stay.plate, stay.plate_color, stay.vehicle, stay.state AS stay_state, stay.entered_at,
        stay.exited_at, evidence.acted_at
    FROM stays.evidence AS evidence
    JOIN stays.stay AS stay ON stay.lot_id = evidence.lot_id AND stay.stay_id = evidence.stay_id;
GRANT SELECT ON stays.ghost TO onepark_service, onepark_staff;

-- migrate:down
-- A step back is a new migration forward.
