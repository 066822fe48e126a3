-- migrate:up
-- Why: an amount is explained by the plan version that it was computed under, so versions are kept
-- as they were filed and never meet in time.
SET LOCAL lock_timeout = '2s';

-- Equality beside a range in one exclusion constraint; trusted, so that no superuser is needed.
CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;

CREATE SCHEMA tariffs;
GRANT USAGE ON SCHEMA tariffs TO onepark_service, onepark_staff;

-- Moves whenever a plan or an assignment does; processes compare it with what they hold.
CREATE TABLE tariffs.revision (
    only_row boolean CONSTRAINT revision_key PRIMARY KEY DEFAULT true,
    number bigint NOT NULL,
    CONSTRAINT revision_one_row CHECK (only_row)
);
INSERT INTO tariffs.revision (number) VALUES (1);
GRANT SELECT ON tariffs.revision TO onepark_service;

CREATE FUNCTION tariffs.move_revision() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE tariffs.revision SET number = number + 1;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION tariffs.move_revision() FROM PUBLIC;

CREATE TABLE tariffs.plan (
    plan_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT plan_key PRIMARY KEY,
    operator_id bigint NOT NULL,
    plan_key text NOT NULL,
    version integer NOT NULL,
    name text NOT NULL,
    body text NOT NULL,  -- letter by letter as it was filed
    valid_from_at timestamptz NOT NULL,
    valid_until_at timestamptz,
    published_at timestamptz NOT NULL,
    CONSTRAINT plan_version_once UNIQUE (operator_id, plan_key, version),
    CONSTRAINT plan_versions_apart EXCLUDE USING gist (
        operator_id WITH =, plan_key WITH =, tstzrange(valid_from_at, valid_until_at) WITH &&),
    CONSTRAINT plan_key_form CHECK (plan_key ~ '^[a-z0-9_]{1,64}$'),
    CONSTRAINT plan_version_counts CHECK (version >= 1),
    CONSTRAINT plan_name_short CHECK (length(name) BETWEEN 1 AND 128),
    CONSTRAINT plan_body_object CHECK (
        octet_length(body) <= 65536 AND jsonb_typeof(body::jsonb) = 'object'),
    CONSTRAINT plan_lasts CHECK (valid_from_at < valid_until_at)
);

-- Only the end of a version may be set later: amounts refer to everything else.
CREATE TRIGGER plan_never_changes BEFORE UPDATE ON tariffs.plan
    FOR EACH ROW WHEN (
        (OLD.plan_id, OLD.operator_id, OLD.plan_key, OLD.version, OLD.name, OLD.body,
         OLD.valid_from_at, OLD.published_at)
        IS DISTINCT FROM
        (NEW.plan_id, NEW.operator_id, NEW.plan_key, NEW.version, NEW.name, NEW.body,
         NEW.valid_from_at, NEW.published_at))
    EXECUTE FUNCTION access.refuse_change();
CREATE TRIGGER plan_never_goes BEFORE DELETE OR TRUNCATE ON tariffs.plan
    FOR EACH STATEMENT EXECUTE FUNCTION access.refuse_change();

-- Which plan a lot charges by, and since when.
CREATE TABLE tariffs.lot_plan (
    lot_id bigint NOT NULL,
    operator_id bigint NOT NULL,
    plan_key text NOT NULL,
    valid_from_at timestamptz NOT NULL,
    valid_until_at timestamptz,
    CONSTRAINT lot_plan_key PRIMARY KEY (lot_id, valid_from_at),
    CONSTRAINT lot_plans_apart EXCLUDE USING gist (
        lot_id WITH =, tstzrange(valid_from_at, valid_until_at) WITH &&),
    CONSTRAINT lot_plan_key_form CHECK (plan_key ~ '^[a-z0-9_]{1,64}$'),
    CONSTRAINT lot_plan_lasts CHECK (valid_from_at < valid_until_at)
);

CREATE TRIGGER revision_on_change AFTER INSERT OR UPDATE ON tariffs.plan
    FOR EACH STATEMENT EXECUTE FUNCTION tariffs.move_revision();
CREATE TRIGGER revision_on_change AFTER INSERT OR UPDATE OR DELETE ON tariffs.lot_plan
    FOR EACH STATEMENT EXECUTE FUNCTION tariffs.move_revision();

CALL access.protect('tariffs.plan');
CALL access.protect('tariffs.lot_plan');
GRANT SELECT, INSERT, UPDATE (valid_until_at) ON tariffs.plan, tariffs.lot_plan TO onepark_service;
GRANT SELECT ON tariffs.plan, tariffs.lot_plan TO onepark_staff;

-- What other contexts may read, with the rights of whoever asks.
CREATE VIEW tariffs.pub_plan WITH (security_invoker = true) AS
    SELECT plan_id, operator_id, plan_key, version, name, body, valid_from_at, valid_until_at,
           published_at
    FROM tariffs.plan;
CREATE VIEW tariffs.pub_lot_plan WITH (security_invoker = true) AS
    SELECT lot_id, operator_id, plan_key, valid_from_at, valid_until_at FROM tariffs.lot_plan;
GRANT SELECT ON tariffs.pub_plan, tariffs.pub_lot_plan TO onepark_service, onepark_staff;

-- migrate:down
-- A step back is a new migration forward.
