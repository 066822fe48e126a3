-- What stands before the first block runs before every block.
CREATE FUNCTION pg_temp.an_account(given_role text, given_operator bigint) RETURNS bigint
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO access.account (login, name, role, operator_id, password_hash, created_at)
    VALUES ('check.' || given_role || coalesce(given_operator, 0), 'Check', given_role,
        given_operator, '-', now())
    RETURNING account_id;
END;

CREATE FUNCTION pg_temp.a_session(of_account bigint, ends_at timestamptz) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO access.session
        (account_id, operator_id, token_version, address_hash, started_at, ends_at, refresh_hash)
    VALUES (of_account, 1, 1, '', '2026-01-01T00:00:00Z', a_session.ends_at, '');
END;

-- proves: CONSTRAINT access.account.account_scope
DO $$
BEGIN
    PERFORM pg_temp.an_account('city_finance', NULL);
    PERFORM pg_temp.an_account('operator_approver', 1);
    PERFORM pg_temp.an_account('operator_finance', NULL);
    RAISE EXCEPTION 'finance of no operator was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT access.session.session_of_account
DO $$
BEGIN
    PERFORM pg_temp.a_session(-1, '2026-01-02T00:00:00Z');
    RAISE EXCEPTION 'nobody logged in';
EXCEPTION WHEN foreign_key_violation THEN NULL;
END $$;

-- proves: CONSTRAINT access.session.session_ends
DO $$
BEGIN
    PERFORM pg_temp.a_session(pg_temp.an_account('auditor', NULL), '2026-01-01T00:00:00Z');
    RAISE EXCEPTION 'a session ended as it began';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT access.second_factor.second_factor_of_account
DO $$
BEGIN
    INSERT INTO access.second_factor (account_id) VALUES (-1);
    RAISE EXCEPTION 'nobody has a second factor';
EXCEPTION WHEN foreign_key_violation THEN NULL;
END $$;

-- proves: CONSTRAINT access.second_factor.second_factor_confirmed
DO $$
BEGIN
    INSERT INTO access.second_factor (account_id, confirmed_at)
        VALUES (pg_temp.an_account('auditor', NULL), now());
    RAISE EXCEPTION 'a second factor without a secret was confirmed';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT access.second_factor.second_factor_pending
DO $$
BEGIN
    INSERT INTO access.second_factor (account_id, pending_sealed)
        VALUES (pg_temp.an_account('auditor', NULL), 'x');
    RAISE EXCEPTION 'a secret was shown at no moment';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT access.recovery_code.recovery_code_of_factor
DO $$
BEGIN
    INSERT INTO access.recovery_code (account_id, number, code_hash) VALUES (-1, 1, '-');
    RAISE EXCEPTION 'a recovery code recovers nothing';
EXCEPTION WHEN foreign_key_violation THEN NULL;
END $$;

-- proves: POLICY access.session.own_operator
DO $$
DECLARE seen bigint;
BEGIN
    PERFORM pg_temp.a_session(pg_temp.an_account('operator_clerk', 1), '2026-01-02T00:00:00Z');
    GRANT SELECT ON access.session TO onepark_staff;
    PERFORM set_config('onepark.operator_id', '1', true);
    SET LOCAL ROLE onepark_staff;
    SELECT count(*) INTO seen FROM access.session;
    IF seen <> 1 THEN RAISE EXCEPTION 'an operator saw % of its own sessions', seen; END IF;
    PERFORM set_config('onepark.operator_id', '2', true);
    SELECT count(*) INTO seen FROM access.session;
    IF seen <> 0 THEN RAISE EXCEPTION 'an operator saw sessions of another'; END IF;
END $$;

-- proves: POLICY access.account.own_operator
DO $$
DECLARE touched bigint;
BEGIN
    PERFORM pg_temp.an_account('operator_clerk', 1);
    PERFORM pg_temp.an_account('operator_clerk', 2);
    PERFORM set_config('onepark.operator_id', '1', true);
    SET LOCAL ROLE onepark_staff;
    UPDATE access.account SET disabled_at = now();
    GET DIAGNOSTICS touched = ROW_COUNT;
    IF touched <> 1 THEN RAISE EXCEPTION 'an operator disabled % accounts', touched; END IF;
END $$;
