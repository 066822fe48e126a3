-- migrate:up
-- Why: some tariffs charge holidays otherwise than workdays. The notice of a year is published late
-- and a city may decide otherwise for itself, so its word on single days is kept, with the reason.
SET LOCAL lock_timeout = '2s';

CREATE SCHEMA calendar;
GRANT USAGE ON SCHEMA calendar TO onepark_service;

-- Moves with every ruling; processes compare it with what they hold.
CREATE TABLE calendar.revision (
    only_row boolean CONSTRAINT revision_key PRIMARY KEY DEFAULT true,
    number bigint NOT NULL,
    CONSTRAINT revision_one_row CHECK (only_row)
);
INSERT INTO calendar.revision (number) VALUES (1);

CREATE FUNCTION calendar.move_revision() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE calendar.revision SET number = number + 1;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION calendar.move_revision() FROM PUBLIC;

-- The days belong to the whole city, so no row is an operator's.
CREATE TABLE calendar.day_ruling (
    ruling_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT day_ruling_key PRIMARY KEY,
    day date NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    ruled_by text NOT NULL,
    ruled_at timestamptz NOT NULL,
    CONSTRAINT day_ruling_years CHECK (day BETWEEN '2000-01-01' AND '2100-12-31'),
    CONSTRAINT day_ruling_kind CHECK (kind IN (
        'workday', 'makeup_workday', 'weekend', 'short_holiday', 'golden_week', 'spring_festival')),
    CONSTRAINT day_ruling_reason_short CHECK (length(reason) BETWEEN 1 AND 200)
);
CREATE INDEX day_ruling_by_day ON calendar.day_ruling (day, ruling_id);
CREATE TRIGGER day_ruling_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON calendar.day_ruling
    FOR EACH STATEMENT EXECUTE FUNCTION access.refuse_change();
CREATE TRIGGER revision_on_change AFTER INSERT ON calendar.day_ruling
    FOR EACH STATEMENT EXECUTE FUNCTION calendar.move_revision();
GRANT SELECT, INSERT ON calendar.day_ruling TO onepark_service;
GRANT SELECT ON calendar.revision TO onepark_service;

-- The latest word on each day.
CREATE VIEW calendar.pub_day_ruling WITH (security_invoker = true) AS
    SELECT DISTINCT ON (day) day, kind, reason, ruled_at
    FROM calendar.day_ruling ORDER BY day, ruling_id DESC;
CREATE VIEW calendar.pub_revision WITH (security_invoker = true) AS
    SELECT number FROM calendar.revision;
GRANT SELECT ON calendar.pub_day_ruling, calendar.pub_revision TO onepark_service;

-- migrate:down
-- A step back is a new migration forward.
