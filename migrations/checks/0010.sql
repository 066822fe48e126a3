-- What stands before the first block runs before every block.
CREATE FUNCTION pg_temp.a_ruling(changes jsonb) RETURNS bigint
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO calendar.day_ruling (day, kind, reason, ruled_by, ruled_at)
    SELECT day, kind, reason, ruled_by, ruled_at
    FROM jsonb_populate_record(NULL::calendar.day_ruling, jsonb_build_object(
        'day', '2027-10-01', 'kind', 'golden_week', 'reason', '查验', 'ruled_by', 'check',
        'ruled_at', '2026-01-01T00:00:00+08:00') || changes)
    RETURNING ruling_id;
END;

-- proves: CONSTRAINT calendar.revision.revision_key
DO $$
BEGIN
    INSERT INTO calendar.revision (number) VALUES (7);
    RAISE EXCEPTION 'a second revision was accepted';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT calendar.revision.revision_one_row
DO $$
BEGIN
    INSERT INTO calendar.revision (only_row, number) VALUES (false, 7);
    RAISE EXCEPTION 'a second revision was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT calendar.day_ruling.day_ruling_key
DO $$
BEGIN
    INSERT INTO calendar.day_ruling (ruling_id, day, kind, reason, ruled_by, ruled_at)
        OVERRIDING SYSTEM VALUE
    VALUES (pg_temp.a_ruling('{}'), '2027-10-02', 'workday', '查验', 'check', now());
    RAISE EXCEPTION 'two rulings have one number';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT calendar.day_ruling.day_ruling_years
DO $$
BEGIN
    PERFORM pg_temp.a_ruling('{"day": "2101-01-01"}');
    RAISE EXCEPTION 'a day that no calendar has was ruled on';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT calendar.day_ruling.day_ruling_kind
DO $$
BEGIN
    PERFORM pg_temp.a_ruling('{"kind": "bank_holiday"}');
    RAISE EXCEPTION 'a kind of day that means nothing was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT calendar.day_ruling.day_ruling_reason_short
DO $$
BEGIN
    PERFORM pg_temp.a_ruling('{"reason": ""}');
    RAISE EXCEPTION 'a ruling without a reason was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: TRIGGER calendar.day_ruling.day_ruling_append_only
DO $$
BEGIN
    PERFORM pg_temp.a_ruling('{}');
    UPDATE calendar.day_ruling SET reason = '改';
    RAISE EXCEPTION 'a ruling was rewritten';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: TRIGGER calendar.day_ruling.revision_on_change
DO $$
DECLARE before bigint := (SELECT number FROM calendar.pub_revision);
BEGIN
    PERFORM pg_temp.a_ruling('{}');
    IF (SELECT number FROM calendar.pub_revision) = before THEN
        RAISE EXCEPTION 'a ruling moved no revision';
    END IF;
END $$;
