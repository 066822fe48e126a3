-- proves: CONSTRAINT vacancies.snapshot.snapshot_key
DO $$
BEGIN
    INSERT INTO vacancies.snapshot
    VALUES (1, 'd', 's', 1, now(), now(), '', '{"short_stay": 1}'),
        (1, 'd', 's', 1, now(), now(), '', '{"short_stay": 2}');
    RAISE EXCEPTION 'one snapshot said two things';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT vacancies.snapshot.snapshot_counts
DO $$
BEGIN
    INSERT INTO vacancies.snapshot VALUES (1, 'd', 's', 1, now(), now(), '', '{}');
    RAISE EXCEPTION 'a snapshot said nothing';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: TRIGGER vacancies.snapshot.snapshot_append_only
DO $$
BEGIN
    INSERT INTO vacancies.snapshot VALUES (1, 'd', 's', 1, now(), now(), '', '{"short_stay": 1}');
    UPDATE vacancies.snapshot SET occupied = '{"short_stay": 2}';
    RAISE EXCEPTION 'what a lot said was rewritten';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;
