-- migrate:up
-- Why: a person who saw what happened must be able to say that a passage was none, or another car's, or
-- that an odd stay is right as it is, with a reason that stays.
SET LOCAL lock_timeout = '2s';

CREATE TABLE stays.ruling (
    ruling_id bigint GENERATED ALWAYS AS IDENTITY,
    lot_id bigint NOT NULL,
    operator_id bigint NOT NULL,
    kind text NOT NULL,
    device_id text, -- of the passage that is ruled on
    passage_id text,
    stay_id bigint, -- or the stay
    reason text NOT NULL,
    ruled_by text NOT NULL,
    ruled_at timestamptz NOT NULL,
    CONSTRAINT ruling_key PRIMARY KEY (ruling_id),
    CONSTRAINT ruling_kind CHECK (
        CASE kind
            WHEN 'void' THEN passage_id IS NOT NULL AND device_id IS NOT NULL
            WHEN 'correct' THEN passage_id IS NOT NULL AND device_id IS NOT NULL
            WHEN 'confirm' THEN stay_id IS NOT NULL
            ELSE false
        END),
    CONSTRAINT ruling_reason CHECK (length(reason) BETWEEN 3 AND 500)
);
CREATE UNIQUE INDEX ruling_of_passage ON stays.ruling (lot_id, device_id, passage_id)
    WHERE passage_id IS NOT NULL;
CREATE UNIQUE INDEX ruling_of_stay ON stays.ruling (lot_id, stay_id) WHERE stay_id IS NOT NULL;
CREATE TRIGGER ruling_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON stays.ruling
    FOR EACH STATEMENT EXECUTE FUNCTION access.refuse_change();
CALL access.protect('stays.ruling');
GRANT SELECT, INSERT ON stays.ruling TO onepark_batch;
GRANT SELECT ON stays.ruling TO onepark_staff;

-- Few stays are odd; ordinary ones are not in it.
-- squawk-ignore require-concurrent-index-creation  -- no city runs this yet: the table is small
CREATE INDEX stay_odd ON stays.stay (lot_id, stay_id)
    WHERE state IN ('entry_missing', 'exit_missing') OR marks <> '{}';

-- migrate:down
-- A step back is a new migration forward.
