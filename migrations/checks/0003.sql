-- What stands before the first block runs before every block.
CREATE FUNCTION pg_temp.a_plan(changes jsonb) RETURNS bigint
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO tariffs.plan (
        operator_id, plan_key, version, name, body, valid_from_at, valid_until_at, published_at)
    SELECT operator_id, plan_key, version, name, body, valid_from_at, valid_until_at, published_at
    FROM jsonb_populate_record(NULL::tariffs.plan, jsonb_build_object(
        'operator_id', 7001, 'plan_key', 'check', 'version', 1, 'name', '查验',
        'body', '{"windows": []}', 'valid_from_at', '2026-01-01T00:00:00+08:00',
        'published_at', '2026-01-01T00:00:00+08:00') || changes)
    RETURNING plan_id;
END;

CREATE FUNCTION pg_temp.a_lot_plan(changes jsonb) RETURNS bigint
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO tariffs.lot_plan (lot_id, operator_id, plan_key, valid_from_at, valid_until_at)
    SELECT lot_id, operator_id, plan_key, valid_from_at, valid_until_at
    FROM jsonb_populate_record(NULL::tariffs.lot_plan, jsonb_build_object(
        'lot_id', 7001, 'operator_id', 7001, 'plan_key', 'check',
        'valid_from_at', '2026-01-01T00:00:00+08:00') || changes)
    RETURNING lot_id;
END;

-- proves: CONSTRAINT tariffs.revision.revision_one_row
DO $$
BEGIN
    INSERT INTO tariffs.revision (only_row, number) VALUES (false, 7);
    RAISE EXCEPTION 'a second revision was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.plan.plan_version_once
DO $$
BEGIN
    PERFORM pg_temp.a_plan('{"valid_until_at": "2026-02-01T00:00:00+08:00"}');
    PERFORM pg_temp.a_plan('{"valid_from_at": "2026-03-01T00:00:00+08:00"}');
    RAISE EXCEPTION 'two versions have one number';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.plan.plan_versions_apart
DO $$
BEGIN
    PERFORM pg_temp.a_plan('{}');
    PERFORM pg_temp.a_plan('{"version": 2, "valid_from_at": "2026-03-01T00:00:00+08:00"}');
    RAISE EXCEPTION 'two versions were in force at once';
EXCEPTION WHEN exclusion_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.plan.plan_key_form
DO $$
BEGIN
    PERFORM pg_temp.a_plan('{"plan_key": "Not a key"}');
    RAISE EXCEPTION 'a key of any form was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.plan.plan_version_counts
DO $$
BEGIN
    PERFORM pg_temp.a_plan('{"version": 0}');
    RAISE EXCEPTION 'versions began at nought';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.plan.plan_name_short
DO $$
BEGIN
    PERFORM pg_temp.a_plan('{"name": ""}');
    RAISE EXCEPTION 'a plan without a name was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.plan.plan_body_object
DO $$
BEGIN
    PERFORM pg_temp.a_plan('{"body": "[]"}');
    RAISE EXCEPTION 'a list was accepted for a plan';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.plan.plan_lasts
DO $$
BEGIN
    PERFORM pg_temp.a_plan('{"valid_until_at": "2026-01-01T00:00:00+08:00"}');
    RAISE EXCEPTION 'a version was never in force';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: TRIGGER tariffs.plan.plan_never_changes
DO $$
BEGIN
    PERFORM pg_temp.a_plan('{}');
    UPDATE tariffs.plan SET body = '{}' WHERE operator_id = 7001;
    RAISE EXCEPTION 'a filed plan was rewritten';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: TRIGGER tariffs.plan.plan_never_goes
DO $$
BEGIN
    PERFORM pg_temp.a_plan('{}');
    DELETE FROM tariffs.plan WHERE operator_id = 7001;
    RAISE EXCEPTION 'a filed plan was taken away';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.lot_plan.lot_plans_apart
DO $$
BEGIN
    PERFORM pg_temp.a_lot_plan('{}');
    PERFORM pg_temp.a_lot_plan('{"plan_key": "other", "valid_from_at": "2026-03-01T00:00:00+08:00"}');
    RAISE EXCEPTION 'a lot charged by two plans at once';
EXCEPTION WHEN exclusion_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.lot_plan.lot_plan_key_form
DO $$
BEGIN
    PERFORM pg_temp.a_lot_plan('{"plan_key": "Not a key"}');
    RAISE EXCEPTION 'a key of any form was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT tariffs.lot_plan.lot_plan_lasts
DO $$
BEGIN
    PERFORM pg_temp.a_lot_plan('{"valid_until_at": "2026-01-01T00:00:00+08:00"}');
    RAISE EXCEPTION 'an assignment was never in force';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: TRIGGER tariffs.plan.revision_on_change
DO $$
DECLARE before bigint := (SELECT number FROM tariffs.revision);
BEGIN
    PERFORM pg_temp.a_plan('{}');
    IF (SELECT number FROM tariffs.revision) = before THEN
        RAISE EXCEPTION 'a change went unnoticed';
    END IF;
END $$;

-- proves: TRIGGER tariffs.lot_plan.revision_on_change
DO $$
DECLARE before bigint := (SELECT number FROM tariffs.revision);
BEGIN
    PERFORM pg_temp.a_lot_plan('{}');
    IF (SELECT number FROM tariffs.revision) = before THEN
        RAISE EXCEPTION 'a change went unnoticed';
    END IF;
END $$;

-- proves: POLICY tariffs.plan.own_operator
DO $$
BEGIN
    PERFORM pg_temp.a_plan('{}');
    PERFORM set_config('onepark.operator_id', '7001', true);
    SET LOCAL ROLE onepark_staff;
    IF NOT EXISTS (SELECT FROM tariffs.pub_plan WHERE operator_id = 7001) THEN
        RAISE EXCEPTION 'an operator does not see its own';
    END IF;
    PERFORM set_config('onepark.operator_id', '7002', true);
    IF EXISTS (SELECT FROM tariffs.pub_plan) THEN
        RAISE EXCEPTION 'an operator sees what another filed';
    END IF;
END $$;

-- proves: POLICY tariffs.plan.platform
DO $$
BEGIN
    PERFORM pg_temp.a_plan('{}');
    SET LOCAL ROLE onepark_service;
    IF NOT EXISTS (SELECT FROM tariffs.pub_plan WHERE operator_id = 7001) THEN
        RAISE EXCEPTION 'the platform does not see every operator';
    END IF;
END $$;

-- proves: POLICY tariffs.lot_plan.own_operator
DO $$
BEGIN
    PERFORM pg_temp.a_lot_plan('{}');
    PERFORM set_config('onepark.operator_id', '7001', true);
    SET LOCAL ROLE onepark_staff;
    IF NOT EXISTS (SELECT FROM tariffs.pub_lot_plan WHERE operator_id = 7001) THEN
        RAISE EXCEPTION 'an operator does not see its own';
    END IF;
    PERFORM set_config('onepark.operator_id', '7002', true);
    IF EXISTS (SELECT FROM tariffs.pub_lot_plan) THEN
        RAISE EXCEPTION 'an operator sees what another filed';
    END IF;
END $$;

-- proves: POLICY tariffs.lot_plan.platform
DO $$
BEGIN
    PERFORM pg_temp.a_lot_plan('{}');
    SET LOCAL ROLE onepark_service;
    IF NOT EXISTS (SELECT FROM tariffs.pub_lot_plan WHERE operator_id = 7001) THEN
        RAISE EXCEPTION 'the platform does not see every operator';
    END IF;
END $$;
