-- proves: CONSTRAINT reconciliation.file.file_once
DO $$
BEGIN
    INSERT INTO reconciliation.file (channel, kind, day, sha256, body, fetched_at, fetched_by)
    VALUES ('c', 'trade', now()::date, 'h', 'b', now(), 'p'),
        ('c', 'trade', now()::date, 'h', 'b', now(), 'p');
    RAISE EXCEPTION 'one file was kept twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.file.file_kind
DO $$
BEGIN
    INSERT INTO reconciliation.file (channel, kind, day, sha256, body, fetched_at, fetched_by)
    VALUES ('c', 'poem', now()::date, 'h', 'b', now(), 'p');
    RAISE EXCEPTION 'a file was of no kind';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.file.file_size
DO $$
BEGIN
    INSERT INTO reconciliation.file (channel, kind, day, sha256, body, fetched_at, fetched_by)
    VALUES ('c', 'trade', now()::date, 'h', '', now(), 'p');
    RAISE EXCEPTION 'a file was empty';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: TRIGGER reconciliation.file.file_append_only
DO $$
BEGIN
    INSERT INTO reconciliation.file (channel, kind, day, sha256, body, fetched_at, fetched_by)
    VALUES ('c', 'trade', now()::date, 'h', 'b', now(), 'p');
    UPDATE reconciliation.file SET body = 'x';
    RAISE EXCEPTION 'a file was rewritten';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.day.day_key
DO $$
BEGIN
    INSERT INTO reconciliation.day (channel, kind, day, next_try_at)
    VALUES ('c', 'trade', now()::date, now()),
        ('c', 'trade', now()::date, now());
    RAISE EXCEPTION 'one day was wanted twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.day.day_of_city
DO $$
BEGIN
    INSERT INTO reconciliation.day (channel, kind, day, next_try_at, operator_id)
    VALUES ('c', 'trade', now()::date, now(), 7);
    RAISE EXCEPTION 'a day belonged to an operator';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.day.day_kind
DO $$
BEGIN
    INSERT INTO reconciliation.day (channel, kind, day, next_try_at)
    VALUES ('c', 'poem', now()::date, now());
    RAISE EXCEPTION 'a day was of no kind';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.day.day_state
DO $$
BEGIN
    INSERT INTO reconciliation.day (channel, kind, day, next_try_at, state)
    VALUES ('c', 'trade', now()::date, now(), 'lost');
    RAISE EXCEPTION 'a day had a state of its own';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.day.day_file
DO $$
BEGIN
    INSERT INTO reconciliation.day (channel, kind, day, next_try_at, state)
    VALUES ('c', 'trade', now()::date, now(), 'read');
    RAISE EXCEPTION 'a day was read without a file';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.day.day_file_known
DO $$
BEGIN
    INSERT INTO reconciliation.day (channel, kind, day, next_try_at, state, file_id, sha256)
    VALUES ('c', 'trade', now()::date, now(), 'read', 0, 'h');
    RAISE EXCEPTION 'a day was of a file that is not there';
EXCEPTION WHEN foreign_key_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.line.line_key
DO $$
BEGIN
    INSERT INTO reconciliation.file (channel, kind, day, sha256, body, fetched_at, fetched_by)
    VALUES ('c', 'trade', now()::date, 'h', 'b', now(), 'p');
    INSERT INTO reconciliation.line (file_id, line_no, channel, day, kind, provider_txn, our_no, amount_fen, settled_fen, fee_fen,
        at, state, currency, fund_key, of_no)
    VALUES (currval('reconciliation.file_file_id_seq'), 1, 'c', now()::date, 'trade', 't', 'o', 1, 1, 0, now(), 'success', 'CNY', 't', ''),
        (currval('reconciliation.file_file_id_seq'), 1, 'c', now()::date, 'trade', 't', 'o', 1, 1, 0, now(), 'success', 'CNY', 't', '');
    RAISE EXCEPTION 'one line was kept twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.line.line_of_file
DO $$
BEGIN
    INSERT INTO reconciliation.line (file_id, line_no, channel, day, kind, provider_txn, our_no, amount_fen, settled_fen, fee_fen,
        at, state, currency, fund_key, of_no)
    VALUES (0, 1, 'c', now()::date, 'trade', 't', 'o', 1, 1, 0, now(), 'success', 'CNY', 't', '');
    RAISE EXCEPTION 'a line was of no file';
EXCEPTION WHEN foreign_key_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.line.line_kind
DO $$
BEGIN
    INSERT INTO reconciliation.file (channel, kind, day, sha256, body, fetched_at, fetched_by)
    VALUES ('c', 'trade', now()::date, 'h', 'b', now(), 'p');
    INSERT INTO reconciliation.line (file_id, line_no, channel, day, kind, provider_txn, our_no, amount_fen, settled_fen, fee_fen,
        at, state, currency, fund_key, of_no)
    VALUES (currval('reconciliation.file_file_id_seq'), 1, 'c', now()::date, 'fee', 't', 'o', 1, 1, 0, now(), 'success', 'CNY', 't', '');
    RAISE EXCEPTION 'a line was no trade and no refund';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.line.line_state
DO $$
BEGIN
    INSERT INTO reconciliation.file (channel, kind, day, sha256, body, fetched_at, fetched_by)
    VALUES ('c', 'trade', now()::date, 'h', 'b', now(), 'p');
    INSERT INTO reconciliation.line (file_id, line_no, channel, day, kind, provider_txn, our_no, amount_fen, settled_fen, fee_fen,
        at, state, currency, fund_key, of_no)
    VALUES (currval('reconciliation.file_file_id_seq'), 1, 'c', now()::date, 'trade', 't', 'o', 1, 1, 0, now(), 'maybe', 'CNY', 't', '');
    RAISE EXCEPTION 'a line had a state of its own';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: TRIGGER reconciliation.line.line_append_only
DO $$
BEGIN
    INSERT INTO reconciliation.file (channel, kind, day, sha256, body, fetched_at, fetched_by)
    VALUES ('c', 'trade', now()::date, 'h', 'b', now(), 'p');
    INSERT INTO reconciliation.line (file_id, line_no, channel, day, kind, provider_txn, our_no, amount_fen, settled_fen, fee_fen,
        at, state, currency, fund_key, of_no)
    VALUES (currval('reconciliation.file_file_id_seq'), 1, 'c', now()::date, 'trade', 't', 'o', 1, 1, 0, now(), 'success', 'CNY', 't', '');
    UPDATE reconciliation.line SET amount_fen = 2;
    RAISE EXCEPTION 'a line was rewritten';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.movement.movement_key
DO $$
BEGIN
    INSERT INTO reconciliation.file (channel, kind, day, sha256, body, fetched_at, fetched_by)
    VALUES ('c', 'trade', now()::date, 'h', 'b', now(), 'p');
    INSERT INTO reconciliation.movement (file_id, line_no, channel, day, kind, number, fund_key, amount_fen, at, currency)
    VALUES (currval('reconciliation.file_file_id_seq'), 1, 'c', now()::date, 'trade', 'n', 'k', 1, now(), 'CNY'),
        (currval('reconciliation.file_file_id_seq'), 1, 'c', now()::date, 'trade', 'n', 'k', 1, now(), 'CNY');
    RAISE EXCEPTION 'one movement was kept twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.movement.movement_of_file
DO $$
BEGIN
    INSERT INTO reconciliation.movement (file_id, line_no, channel, day, kind, number, fund_key, amount_fen, at, currency)
    VALUES (0, 1, 'c', now()::date, 'trade', 'n', 'k', 1, now(), 'CNY');
    RAISE EXCEPTION 'a movement was of no file';
EXCEPTION WHEN foreign_key_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.movement.movement_kind
DO $$
BEGIN
    INSERT INTO reconciliation.file (channel, kind, day, sha256, body, fetched_at, fetched_by)
    VALUES ('c', 'trade', now()::date, 'h', 'b', now(), 'p');
    INSERT INTO reconciliation.movement (file_id, line_no, channel, day, kind, number, fund_key, amount_fen, at, currency)
    VALUES (currval('reconciliation.file_file_id_seq'), 1, 'c', now()::date, 'gift', 'n', 'k', 1, now(), 'CNY');
    RAISE EXCEPTION 'a movement was of no kind';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: TRIGGER reconciliation.movement.movement_append_only
DO $$
BEGIN
    INSERT INTO reconciliation.file (channel, kind, day, sha256, body, fetched_at, fetched_by)
    VALUES ('c', 'trade', now()::date, 'h', 'b', now(), 'p');
    INSERT INTO reconciliation.movement (file_id, line_no, channel, day, kind, number, fund_key, amount_fen, at, currency)
    VALUES (currval('reconciliation.file_file_id_seq'), 1, 'c', now()::date, 'trade', 'n', 'k', 1, now(), 'CNY');
    DELETE FROM reconciliation.movement;
    RAISE EXCEPTION 'a movement was forgotten';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.difference.difference_once
DO $$
BEGIN
    INSERT INTO reconciliation.difference (channel, day, class, kind, number, off_fen, owner, found_at)
    VALUES ('c', now()::date, 'ours_only', 'trade', 'n', 1, 'finance', now()),
        ('c', now()::date, 'ours_only', 'trade', 'n', 1, 'finance', now());
    RAISE EXCEPTION 'one difference was found twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.difference.difference_class
DO $$
BEGIN
    INSERT INTO reconciliation.difference (channel, day, class, kind, number, off_fen, owner, found_at)
    VALUES ('c', now()::date, 'odd', 'trade', 'n', 1, 'finance', now());
    RAISE EXCEPTION 'a difference was of no class';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.difference.difference_kind
DO $$
BEGIN
    INSERT INTO reconciliation.difference (channel, day, class, kind, number, off_fen, owner, found_at)
    VALUES ('c', now()::date, 'ours_only', 'gift', 'n', 1, 'finance', now());
    RAISE EXCEPTION 'a difference was about nothing';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.difference.difference_owner
DO $$
BEGIN
    INSERT INTO reconciliation.difference (channel, day, class, kind, number, off_fen, owner, found_at)
    VALUES ('c', now()::date, 'ours_only', 'trade', 'n', 1, 'nobody', now());
    RAISE EXCEPTION 'a difference had no owner';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.difference.difference_off
DO $$
BEGIN
    INSERT INTO reconciliation.difference (channel, day, class, kind, number, off_fen, owner, found_at)
    VALUES ('c', now()::date, 'ours_only', 'trade', 'n', -1, 'finance', now());
    RAISE EXCEPTION 'books differed by less than nothing';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.difference.difference_resolution
DO $$
BEGIN
    INSERT INTO reconciliation.difference (channel, day, class, kind, number, off_fen, owner, found_at, resolution, closed_at, closed_by)
    VALUES ('c', now()::date, 'ours_only', 'trade', 'n', 1, 'finance', now(), 'gone', now(), 'x');
    RAISE EXCEPTION 'a difference ended in a way of its own';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.difference.difference_closed
DO $$
BEGIN
    INSERT INTO reconciliation.difference (channel, day, class, kind, number, off_fen, owner, found_at, closed_at)
    VALUES ('c', now()::date, 'ours_only', 'trade', 'n', 1, 'finance', now(), now());
    RAISE EXCEPTION 'nobody ended a difference';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT reconciliation.difference.difference_incident
DO $$
BEGIN
    INSERT INTO reconciliation.difference (channel, day, class, kind, number, off_fen, owner, found_at, incident_at)
    VALUES ('c', now()::date, 'ours_only', 'trade', 'n', 1, 'finance', now(), now());
    RAISE EXCEPTION 'an incident was one before anybody was asked';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: TRIGGER reconciliation.difference.difference_goes_forward
DO $$
BEGIN
    INSERT INTO reconciliation.difference (channel, day, class, kind, number, off_fen, owner, found_at, resolution, closed_at, closed_by)
    VALUES ('c', now()::date, 'ours_only', 'trade', 'n', 1, 'finance', now(), 'explained', now(), 'x');
    UPDATE reconciliation.difference
    SET resolution = NULL, closed_at = NULL, closed_by = NULL;
    RAISE EXCEPTION 'a difference was opened again';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;
