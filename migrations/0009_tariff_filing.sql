-- migrate:up
-- Why: a tariff is law for whoever parks, so nobody files one alone: what a person drafts is
-- checked, and a second person puts it in force from a stated day on. A version that has not begun
-- may be taken back; one that has been in force stays as it was.
SET LOCAL lock_timeout = '2s';

-- A version that was taken back before it began; it was never in force.
ALTER TABLE tariffs.plan ADD COLUMN withdrawn_at timestamptz;
-- The table is small (a row a version), so the scans below are short.
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE tariffs.plan ADD CONSTRAINT plan_withdrawn_unused CHECK (withdrawn_at < valid_from_at);

-- squawk-ignore ban-drop-constraint
ALTER TABLE tariffs.plan DROP CONSTRAINT plan_versions_apart;
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE tariffs.plan ADD CONSTRAINT plan_versions_apart EXCLUDE USING gist (
    operator_id WITH =, plan_key WITH =, tstzrange(valid_from_at, valid_until_at) WITH &&)
    WHERE (withdrawn_at IS NULL);

-- Which version charged in the past is settled, and so is that one was taken back.
CREATE TRIGGER plan_past_stays BEFORE UPDATE ON tariffs.plan
    FOR EACH ROW WHEN (
        (OLD.valid_until_at <= now() AND OLD.valid_until_at IS DISTINCT FROM NEW.valid_until_at)
        OR (OLD.withdrawn_at IS NOT NULL AND OLD.withdrawn_at IS DISTINCT FROM NEW.withdrawn_at))
    EXECUTE FUNCTION access.refuse_change();

-- A plan on its way: what was written stays as it was written, a correction is another draft.
CREATE TABLE tariffs.draft (
    draft_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT draft_key PRIMARY KEY,
    operator_id bigint NOT NULL,
    plan_key text NOT NULL,
    name text NOT NULL,
    body text NOT NULL,
    author_id bigint NOT NULL,
    author text NOT NULL,
    drafted_at timestamptz NOT NULL,
    state text NOT NULL,
    checker text,
    checked_at timestamptz,
    findings jsonb,
    publisher_id bigint,
    publisher text,
    published_at timestamptz,
    plan_id bigint,
    withdrawer text,
    withdrawn_at timestamptz,
    CONSTRAINT draft_plan_key_form CHECK (plan_key ~ '^[a-z0-9_]{1,64}$'),
    CONSTRAINT draft_name_short CHECK (length(name) BETWEEN 1 AND 128),
    CONSTRAINT draft_body_object CHECK (
        octet_length(body) <= 65536 AND jsonb_typeof(body::jsonb) = 'object'),
    CONSTRAINT draft_check_whole CHECK (
        num_nulls(checker, checked_at, findings) IN (0, 3)),
    CONSTRAINT draft_publication_whole CHECK (
        num_nulls(publisher_id, publisher, published_at, plan_id) IN (0, 4)),
    CONSTRAINT draft_withdrawal_whole CHECK (num_nulls(withdrawer, withdrawn_at) IN (0, 2)),
    CONSTRAINT draft_second_person CHECK (publisher_id <> author_id),
    CONSTRAINT draft_state CHECK (
        CASE state
            WHEN 'draft' THEN findings IS NULL AND plan_id IS NULL AND withdrawn_at IS NULL
            WHEN 'checked' THEN findings IS NOT NULL AND plan_id IS NULL AND withdrawn_at IS NULL
            WHEN 'failed' THEN findings IS NOT NULL AND plan_id IS NULL AND withdrawn_at IS NULL
            WHEN 'published' THEN
                findings IS NOT NULL AND plan_id IS NOT NULL AND withdrawn_at IS NULL
            WHEN 'withdrawn' THEN withdrawn_at IS NOT NULL
            ELSE false
        END),
    CONSTRAINT draft_becomes_one_plan UNIQUE (plan_id),
    CONSTRAINT draft_plan FOREIGN KEY (plan_id) REFERENCES tariffs.plan
);
CREATE INDEX draft_of_operator ON tariffs.draft (operator_id, draft_id);

CREATE TRIGGER draft_never_changes BEFORE UPDATE ON tariffs.draft
    FOR EACH ROW WHEN (
        (OLD.draft_id, OLD.operator_id, OLD.plan_key, OLD.name, OLD.body, OLD.author_id,
         OLD.author, OLD.drafted_at)
        IS DISTINCT FROM
        (NEW.draft_id, NEW.operator_id, NEW.plan_key, NEW.name, NEW.body, NEW.author_id,
         NEW.author, NEW.drafted_at))
    EXECUTE FUNCTION access.refuse_change();
-- What was published was published as it was checked, by whom it was; and withdrawn is the end.
CREATE TRIGGER draft_steps_stay BEFORE UPDATE ON tariffs.draft
    FOR EACH ROW WHEN (
        OLD.state = 'withdrawn'
        OR OLD.state = 'published' AND (
            NEW.state <> 'withdrawn'
            OR (OLD.checker, OLD.checked_at, OLD.findings, OLD.publisher_id, OLD.publisher,
                OLD.published_at, OLD.plan_id)
               IS DISTINCT FROM
               (NEW.checker, NEW.checked_at, NEW.findings, NEW.publisher_id, NEW.publisher,
                NEW.published_at, NEW.plan_id)))
    EXECUTE FUNCTION access.refuse_change();
CREATE TRIGGER draft_never_goes BEFORE DELETE OR TRUNCATE ON tariffs.draft
    FOR EACH STATEMENT EXECUTE FUNCTION access.refuse_change();

CALL access.protect('tariffs.draft');
GRANT SELECT, INSERT,
    UPDATE (state, checker, checked_at, findings, publisher_id, publisher, published_at, plan_id,
            withdrawer, withdrawn_at)
    ON tariffs.draft TO onepark_staff;
GRANT SELECT ON tariffs.draft TO onepark_service;
-- People publish and assign under their own operator's policy, not with the platform's rights.
GRANT INSERT, UPDATE (valid_until_at, withdrawn_at) ON tariffs.plan TO onepark_staff;
GRANT INSERT, UPDATE (valid_until_at) ON tariffs.lot_plan TO onepark_staff;

CREATE OR REPLACE VIEW tariffs.pub_plan WITH (security_invoker = true) AS
    SELECT plan_id, operator_id, plan_key, version, name, body, valid_from_at, valid_until_at,
           published_at, withdrawn_at
    FROM tariffs.plan;

-- migrate:down
-- A step back is a new migration forward.
