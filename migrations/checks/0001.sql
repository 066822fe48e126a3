-- What stands before the first block runs before every block.
CREATE FUNCTION pg_temp.an_account(changes jsonb) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO access.account (login, name, role, operator_id, password_hash, created_at)
    SELECT login, name, role, operator_id, password_hash, created_at
    FROM jsonb_populate_record(NULL::access.account, jsonb_build_object(
        'login', 'check.one', 'name', 'Check', 'role', 'operator_clerk', 'operator_id', 1,
        'password_hash', '-', 'created_at', '2026-01-01T00:00:00Z') || changes);
END;

-- proves: CONSTRAINT access.account.account_login_once
DO $$
BEGIN
    PERFORM pg_temp.an_account('{}');
    PERFORM pg_temp.an_account('{}');
    RAISE EXCEPTION 'one login was given twice';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT access.account.account_login_form
DO $$
BEGIN
    PERFORM pg_temp.an_account('{"login": "Zwei Worte"}');
    RAISE EXCEPTION 'a login with a space was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT access.account.account_name_short
DO $$
BEGIN
    PERFORM pg_temp.an_account('{"name": ""}');
    RAISE EXCEPTION 'an account without a name was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT access.account.account_scope
DO $$
BEGIN
    PERFORM pg_temp.an_account('{"role": "city_admin"}');
    RAISE EXCEPTION 'an operator was given a city admin';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT access.audit.audit_action_form
DO $$
BEGIN
    INSERT INTO access.audit (changed_at, actor, action, subject) VALUES (now(), 'a', 'Oops', 's');
    RAISE EXCEPTION 'an action that names no context was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: TRIGGER access.audit.audit_append_only
DO $$
BEGIN
    INSERT INTO access.audit (changed_at, actor, action, subject) VALUES (now(), 'a', 'b.c', 's');
    UPDATE access.audit SET actor = 'somebody else';
    RAISE EXCEPTION 'the trail was rewritten';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: TRIGGER access.audit.audit_append_only
DO $$
BEGIN
    DELETE FROM access.audit;
    RAISE EXCEPTION 'the trail was deleted';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: TRIGGER access.audit.audit_append_only
DO $$
BEGIN
    TRUNCATE access.audit;
    RAISE EXCEPTION 'the trail was emptied';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: POLICY access.account.own_operator
DO $$
DECLARE seen text[];
BEGIN
    PERFORM pg_temp.an_account('{"login": "check.one", "operator_id": 1}');
    PERFORM pg_temp.an_account('{"login": "check.two", "operator_id": 2}');
    PERFORM set_config('onepark.operator_id', '1', true);
    SET LOCAL ROLE onepark_staff;
    SELECT array_agg(login) INTO seen FROM access.account WHERE login LIKE 'check.%';
    IF seen IS DISTINCT FROM ARRAY['check.one'] THEN
        RAISE EXCEPTION 'an operator saw %', seen;
    END IF;
END $$;

-- proves: POLICY access.audit.own_operator
DO $$
BEGIN
    PERFORM set_config('onepark.operator_id', '1', true);
    SET LOCAL ROLE onepark_staff;
    INSERT INTO access.audit (changed_at, actor, action, subject, operator_id)
        VALUES (now(), 'a', 'b.c', 's', 1);
    BEGIN
        INSERT INTO access.audit (changed_at, actor, action, subject, operator_id)
            VALUES (now(), 'a', 'b.c', 's', 2);
    EXCEPTION WHEN insufficient_privilege THEN RETURN;
    END;
    RAISE EXCEPTION 'an operator wrote into the trail of another';
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'an operator could not write into its own trail';
END $$;

-- proves: POLICY access.audit.platform
DO $$
BEGIN
    SET LOCAL ROLE onepark_service;
    INSERT INTO access.audit (changed_at, actor, action, subject, operator_id)
        VALUES (now(), 'a', 'b.c', 's', 1);
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the platform could not write the trail';
END $$;
