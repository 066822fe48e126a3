-- What stands before the first block runs before every block.
CREATE FUNCTION pg_temp.a_plan(changes jsonb) RETURNS bigint
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO tariffs.plan (
        operator_id, plan_key, version, name, body, valid_from_at, valid_until_at, published_at,
        withdrawn_at)
    SELECT operator_id, plan_key, version, name, body, valid_from_at, valid_until_at, published_at,
           withdrawn_at
    FROM jsonb_populate_record(NULL::tariffs.plan, jsonb_build_object(
        'operator_id', 7001, 'plan_key', 'check', 'version', 1, 'name', '查验',
        'body', '{"windows": []}', 'valid_from_at', '2026-01-01T00:00:00+08:00',
        'published_at', '2026-01-01T00:00:00+08:00') || changes)
    RETURNING plan_id;
END;

CREATE FUNCTION pg_temp.a_draft(changes jsonb) RETURNS bigint
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO tariffs.draft (
        operator_id, plan_key, name, body, author_id, author, drafted_at, state, checker,
        checked_at, findings, publisher_id, publisher, published_at, plan_id, withdrawer,
        withdrawn_at)
    SELECT operator_id, plan_key, name, body, author_id, author, drafted_at, state, checker,
           checked_at, findings, publisher_id, publisher, published_at, plan_id, withdrawer,
           withdrawn_at
    FROM jsonb_populate_record(NULL::tariffs.draft, jsonb_build_object(
        'operator_id', 7001, 'plan_key', 'check', 'name', '查验', 'body', '{"windows": []}',
        'author_id', 1, 'author', 'li.ming', 'drafted_at', '2026-01-01T00:00:00+08:00',
        'state', 'draft') || changes)
    RETURNING draft_id;
END;

CREATE FUNCTION pg_temp.a_published_draft(changes jsonb) RETURNS bigint
    LANGUAGE sql
BEGIN ATOMIC
    SELECT pg_temp.a_draft(jsonb_build_object(
        'state', 'published', 'checker', 'li.ming', 'checked_at', '2026-01-01T00:00:00+08:00',
        'findings', jsonb_build_array(), 'publisher_id', 2, 'publisher', 'wang.fang',
        'published_at', '2026-01-01T00:00:00+08:00', 'plan_id', pg_temp.a_plan('{}')) || changes);
END;

-- proves: CONSTRAINT tariffs.plan.plan_withdrawn_unused
DO $$
BEGIN
    PERFORM pg_temp.a_plan('{"withdrawn_at": "2026-01-02T00:00:00+08:00"}');
    RAISE EXCEPTION 'a version was taken back after it had begun';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.plan.plan_versions_apart
DO $$
BEGIN
    PERFORM pg_temp.a_plan('{"withdrawn_at": "2025-12-01T00:00:00+08:00"}');
    PERFORM pg_temp.a_plan('{"version": 2}');  -- beside one that was taken back: allowed
    PERFORM pg_temp.a_plan('{"version": 3, "valid_from_at": "2026-03-01T00:00:00+08:00"}');
    RAISE EXCEPTION 'two versions were in force at once';
EXCEPTION WHEN exclusion_violation THEN NULL;
END $$;

-- proves: TRIGGER tariffs.plan.plan_past_stays
DO $$
BEGIN
    PERFORM pg_temp.a_plan('{"valid_until_at": "2026-02-01T00:00:00+08:00"}');
    BEGIN
        UPDATE tariffs.plan SET valid_until_at = NULL WHERE operator_id = 7001;
        RAISE EXCEPTION 'a version that had ended was reopened';
    EXCEPTION WHEN restrict_violation THEN NULL;
    END;
    PERFORM pg_temp.a_plan('{"plan_key": "other", "withdrawn_at": "2025-12-01T00:00:00+08:00"}');
    UPDATE tariffs.plan SET withdrawn_at = NULL WHERE plan_key = 'other' AND operator_id = 7001;
    RAISE EXCEPTION 'what was taken back came again';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.draft.draft_plan_key_form
DO $$
BEGIN
    PERFORM pg_temp.a_draft('{"plan_key": "Not a key"}');
    RAISE EXCEPTION 'a key of any form was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.draft.draft_name_short
DO $$
BEGIN
    PERFORM pg_temp.a_draft('{"name": ""}');
    RAISE EXCEPTION 'a draft without a name was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.draft.draft_body_object
DO $$
BEGIN
    PERFORM pg_temp.a_draft('{"body": "[]"}');
    RAISE EXCEPTION 'a list was accepted for a plan';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.draft.draft_check_whole
DO $$
BEGIN
    PERFORM pg_temp.a_draft('{"state": "checked", "findings": []}');
    RAISE EXCEPTION 'a check has nobody who made it';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.draft.draft_publication_whole
DO $$
BEGIN
    PERFORM pg_temp.a_published_draft('{"publisher": null}');
    RAISE EXCEPTION 'a publication has nobody who made it';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.draft.draft_withdrawal_whole
DO $$
BEGIN
    PERFORM pg_temp.a_draft('{"state": "withdrawn", "withdrawn_at": "2026-01-02T00:00:00+08:00"}');
    RAISE EXCEPTION 'a withdrawal has nobody who made it';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.draft.draft_second_person
DO $$
BEGIN
    PERFORM pg_temp.a_published_draft('{"publisher_id": 1}');
    RAISE EXCEPTION 'one person drafted and published';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.draft.draft_state
DO $$
BEGIN
    PERFORM pg_temp.a_draft('{"state": "published"}');
    RAISE EXCEPTION 'a draft was published without a check and without a plan';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.draft.draft_becomes_one_plan
DO $$
DECLARE plan bigint := pg_temp.a_plan('{"plan_key": "one"}');
BEGIN
    PERFORM pg_temp.a_published_draft(jsonb_build_object('plan_id', plan));
    UPDATE tariffs.plan SET valid_until_at = '2026-01-02T00:00:00+08:00' WHERE operator_id = 7001;
    PERFORM pg_temp.a_draft(jsonb_build_object(
        'state', 'published', 'checker', 'li.ming', 'checked_at', '2026-01-01T00:00:00+08:00',
        'findings', jsonb_build_array(), 'publisher_id', 2, 'publisher', 'wang.fang',
        'published_at', '2026-01-01T00:00:00+08:00', 'plan_id', plan));
    RAISE EXCEPTION 'two drafts became one plan';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.draft.draft_plan
DO $$
BEGIN
    PERFORM pg_temp.a_published_draft('{"plan_id": 9007199254740991}');
    RAISE EXCEPTION 'a draft became a plan that is not there';
EXCEPTION WHEN foreign_key_violation THEN NULL;
END $$;

-- proves: TRIGGER tariffs.draft.draft_never_changes
DO $$
BEGIN
    PERFORM pg_temp.a_draft('{}');
    UPDATE tariffs.draft SET body = '{}' WHERE operator_id = 7001;
    RAISE EXCEPTION 'a draft was rewritten after somebody may have read it';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: TRIGGER tariffs.draft.draft_steps_stay
DO $$
BEGIN
    PERFORM pg_temp.a_published_draft('{}');
    BEGIN
        UPDATE tariffs.draft SET publisher = 'zhao.li' WHERE operator_id = 7001;
        RAISE EXCEPTION 'somebody else has published now';
    EXCEPTION WHEN restrict_violation THEN NULL;
    END;
    UPDATE tariffs.draft SET state = 'withdrawn', withdrawer = 'wang.fang', withdrawn_at = now()
    WHERE operator_id = 7001;
    UPDATE tariffs.draft SET withdrawer = 'zhao.li' WHERE operator_id = 7001;
    RAISE EXCEPTION 'a draft that was withdrawn went on';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: TRIGGER tariffs.draft.draft_never_goes
DO $$
BEGIN
    PERFORM pg_temp.a_draft('{}');
    DELETE FROM tariffs.draft WHERE operator_id = 7001;
    RAISE EXCEPTION 'a draft was taken away';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: POLICY tariffs.draft.own_operator
DO $$
BEGIN
    PERFORM pg_temp.a_draft('{}');
    PERFORM set_config('onepark.operator_id', '7001', true);
    SET LOCAL ROLE onepark_staff;
    IF NOT EXISTS (SELECT FROM tariffs.draft WHERE operator_id = 7001) THEN
        RAISE EXCEPTION 'an operator does not see its own';
    END IF;
    PERFORM set_config('onepark.operator_id', '7002', true);
    IF EXISTS (SELECT FROM tariffs.draft) THEN
        RAISE EXCEPTION 'an operator sees what another drafts';
    END IF;
END $$;

-- proves: POLICY tariffs.draft.platform
DO $$
BEGIN
    PERFORM pg_temp.a_draft('{}');
    SET LOCAL ROLE onepark_service;
    IF NOT EXISTS (SELECT FROM tariffs.draft WHERE operator_id = 7001) THEN
        RAISE EXCEPTION 'the platform does not see every operator';
    END IF;
END $$;
