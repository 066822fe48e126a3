-- migrate:up
-- Why: everything else stands on roles, row-level security by operator, and an audit trail.
SET LOCAL lock_timeout = '2s';

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['onepark_batch', 'onepark_service', 'onepark_staff'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- roles belong to the cluster; another database of it made this one
        END;
    END LOOP;
END $$;

CREATE SCHEMA access;
GRANT USAGE ON SCHEMA access TO onepark_batch, onepark_service, onepark_staff;

-- The scope of a staff transaction, set by its first statement; without it no row is seen.
CREATE FUNCTION access.current_operator_id() RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('onepark.operator_id', true), '')::bigint;

CREATE FUNCTION access.is_city() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('onepark.city', true), '') = '1';

-- Give one table the row-level security that every table of an operator has.
CREATE PROCEDURE access.protect(target regclass)
    LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY platform ON %s TO onepark_batch, onepark_service USING (true) WITH CHECK (true)',
        target);
    EXECUTE format(
        'CREATE POLICY own_operator ON %s TO onepark_staff'
        ' USING (access.is_city() OR operator_id = access.current_operator_id())'
        ' WITH CHECK (access.is_city() OR operator_id = access.current_operator_id())',
        target);
END $$;

-- Refuse to rewrite what is only ever appended to.
CREATE FUNCTION access.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TABLE access.account (
    account_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT account_key PRIMARY KEY,
    login text NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    operator_id bigint,  -- NULL: the city's own
    password_hash text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT account_login_once UNIQUE (login),
    CONSTRAINT account_login_form CHECK (login ~ '^[a-z0-9][a-z0-9._-]{2,63}$'),
    CONSTRAINT account_name_short CHECK (length(name) BETWEEN 1 AND 64),
    CONSTRAINT account_scope CHECK (
        CASE role
            WHEN 'city_admin' THEN operator_id IS NULL
            WHEN 'city_supervisor' THEN operator_id IS NULL
            WHEN 'auditor' THEN operator_id IS NULL
            WHEN 'operator_admin' THEN operator_id IS NOT NULL
            WHEN 'operator_clerk' THEN operator_id IS NOT NULL
            ELSE false
        END)
);
CALL access.protect('access.account');
GRANT SELECT, INSERT ON access.account TO onepark_service;
GRANT SELECT (account_id, login, name, role, operator_id, created_at), INSERT
    ON access.account TO onepark_staff;  -- nobody who is logged in reads a hash

-- Who changed what: a row in the transaction of the change itself, and never touched again.
CREATE TABLE access.audit (
    audit_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT audit_key PRIMARY KEY,
    changed_at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    operator_id bigint,  -- whose rows were changed; NULL: the city's
    before jsonb,
    after jsonb,
    CONSTRAINT audit_action_form CHECK (action ~ '^[a-z_]+\.[a-z_]+$')
);
CREATE INDEX audit_by_subject ON access.audit (subject, changed_at);
CALL access.protect('access.audit');
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access.audit
    FOR EACH STATEMENT EXECUTE FUNCTION access.refuse_change();
GRANT SELECT, INSERT ON access.audit TO onepark_service, onepark_staff;

-- migrate:down
-- A step back is a new migration forward.
