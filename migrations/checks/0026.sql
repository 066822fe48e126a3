-- What stands before the first block runs before every block.
CREATE FUNCTION pg_temp.a_party(changes jsonb) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO settlement.party
        (operator_id, party, name, holder, account_no, bank_code, registered_by, registered_at)
    SELECT operator_id, party, name, holder, account_no, bank_code, registered_by, registered_at
    FROM jsonb_populate_record(NULL::settlement.party, jsonb_build_object(
        'operator_id', 7, 'party', 'town', 'name', '镇', 'holder', '镇', 'account_no', '622202',
        'bank_code', '102302200015', 'registered_by', 'check', 'registered_at', now()) || changes);
END;
CREATE FUNCTION pg_temp.a_version(changes jsonb) RETURNS bigint
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO settlement.version (operator_id, kind, contract_no, number, title, form, terms, lots,
        valid_from, valid_until, state, drafter_id, drafter, drafted_at, approver_id, approver,
        approved_at)
    SELECT operator_id, kind, contract_no, number, title, form, terms, '{1}', valid_from, valid_until,
        state, drafter_id, drafter, drafted_at, approver_id, approver, approved_at
    FROM jsonb_populate_record(NULL::settlement.version, jsonb_build_object(
        'operator_id', 7, 'kind', 'contract', 'contract_no', 'C', 'number', 1, 'title', 'C',
        'form', 'joint_stock', 'terms', '{}', 'valid_from', '2026-05-01', 'state', 'approved',
        'drafter_id', 1, 'drafter', 'a', 'drafted_at', now(), 'approver_id', 2, 'approver', 'b',
        'approved_at', now()) || changes)
    RETURNING version_id;
END;
CREATE FUNCTION pg_temp.a_day(day date, closed timestamptz) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO settlement.day (day, began_at, journal_from, journal_through, closed_at)
    VALUES (day, now(), 0, 0, closed);
END;
CREATE FUNCTION pg_temp.a_clearing(changes jsonb) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO settlement.clearing
    SELECT journal_id, operator_id, version_id, lot_id, day, original_day, unit, gross_fen, fee_fen,
        coupon_fen, '{1}'
    FROM jsonb_populate_record(NULL::settlement.clearing, jsonb_build_object(
        'journal_id', 1, 'operator_id', 7, 'version_id', 1, 'lot_id', 1, 'day', '2026-05-01',
        'original_day', '2026-05-01', 'unit', 'O', 'gross_fen', 1, 'fee_fen', 0, 'coupon_fen', 0)
        || changes);
END;
CREATE FUNCTION pg_temp.a_total() RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO settlement.day_total
    VALUES ('2026-05-01', 1, 1, '2026-05-01', 7, 1, 1, 0, 0, '{1}');
END;
CREATE FUNCTION pg_temp.a_line(kind text) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO settlement.cycle_line VALUES ('2026-05-01', 1, kind, 7, '{1}');
END;
CREATE FUNCTION pg_temp.a_statement(cycle text, digested text) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO settlement.statement VALUES (7, 'town', cycle, '2026-05-01', '2026-05-01', 1, '{}',
        sha256(convert_to(digested, 'UTF8')), now());
END;
CREATE FUNCTION pg_temp.a_file(digested text) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO settlement.payout_file VALUES ('F', 7, 'bank', 'text/csv', 'abc',
        sha256(convert_to(digested, 'UTF8')), 'check', now());
END;
CREATE FUNCTION pg_temp.a_payout(changes jsonb) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO settlement.payout
    SELECT * FROM jsonb_populate_record(NULL::settlement.payout, jsonb_build_object(
        'payout_no', 'P', 'operator_id', 7, 'party', 'town', 'amount_fen', 1, 'state', 'draft',
        'holder', '镇', 'account_no', '622202', 'bank_code', '102302200015', 'drafter_id', 1,
        'drafted_by', 'a', 'drafted_at', now()) || changes);
END;
CREATE FUNCTION pg_temp.an_approved_payout(changes jsonb) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    SELECT pg_temp.a_payout(jsonb_build_object('state', 'approved', 'checker_id', 3, 'checked_by', 'c',
        'checked_at', now(), 'approver_id', 2, 'approved_by', 'b', 'approved_at', now()) || changes);
END;
CREATE FUNCTION pg_temp.a_task(changes jsonb) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO settlement.task
        (operator_id, kind, subject, due_on, raised_at, done_at, done_by, reason)
    SELECT operator_id, kind, subject, due_on, raised_at, done_at, done_by, reason
    FROM jsonb_populate_record(NULL::settlement.task, jsonb_build_object('operator_id', 7,
        'kind', 'expiry', 'subject', 'C', 'due_on', '2026-05-01', 'raised_at', now()) || changes);
END;

-- proves: CONSTRAINT settlement.party.party_key
DO $$
BEGIN
    PERFORM pg_temp.a_party('{}');
    PERFORM pg_temp.a_party('{}');
    RAISE EXCEPTION 'a party was registered twice';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.party.party_form
DO $$
BEGIN
    PERFORM pg_temp.a_party('{"party": "Town!"}');
    RAISE EXCEPTION 'a strange code was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.party.party_account_whole
DO $$
BEGIN
    PERFORM pg_temp.a_party('{"holder": null}');
    RAISE EXCEPTION 'half an account was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.version.version_key
DO $$
DECLARE made bigint := pg_temp.a_version('{}');
BEGIN
    INSERT INTO settlement.version OVERRIDING SYSTEM VALUE
    SELECT (jsonb_populate_record(NULL::settlement.version,
        to_jsonb(one) || '{"number": 2}')).* FROM settlement.version AS one
    WHERE version_id = made;
    RAISE EXCEPTION 'two versions have one number';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.version.version_once
DO $$
BEGIN
    PERFORM pg_temp.a_version('{}');
    PERFORM pg_temp.a_version('{}');
    RAISE EXCEPTION 'a version was numbered twice';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.version.version_kind
DO $$
BEGIN
    PERFORM pg_temp.a_version('{"kind": "gift", "form": null}');
    RAISE EXCEPTION 'a kind that means nothing was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.version.version_form
DO $$
BEGIN
    PERFORM pg_temp.a_version('{"form": null}');
    RAISE EXCEPTION 'a contract without a form was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.version.version_number
DO $$
BEGIN
    PERFORM pg_temp.a_version('{"number": 0}');
    RAISE EXCEPTION 'a version was numbered 0';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.version.version_lasts
DO $$
BEGIN
    PERFORM pg_temp.a_version('{"valid_until": "2026-05-01"}');
    RAISE EXCEPTION 'a version lasts no day';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.version.version_terms
DO $$
BEGIN
    PERFORM pg_temp.a_version('{"terms": "[]"}');
    RAISE EXCEPTION 'terms that are no object were accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.version.version_state
DO $$
BEGIN
    PERFORM pg_temp.a_version('{"approver_id": null, "approver": null, "approved_at": null}');
    RAISE EXCEPTION 'a contract is in force that nobody approved';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.version.version_approval_whole
DO $$
BEGIN
    PERFORM pg_temp.a_version('{"approver": null}');
    RAISE EXCEPTION 'half an approval was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.version.version_second_person
DO $$
BEGIN
    PERFORM pg_temp.a_version('{"approver_id": 1}');
    RAISE EXCEPTION 'one person did both halves';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: INDEX settlement.version_standing
DO $$
BEGIN
    PERFORM pg_temp.a_version('{"kind": "operator_whole", "form": null}');
    PERFORM pg_temp.a_version('{"kind": "operator_whole", "form": null, "number": 2}');
    RAISE EXCEPTION 'two versions stand for no contract';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.version_party.version_party_key
DO $$
BEGIN
    PERFORM pg_temp.a_party('{}');
    PERFORM pg_temp.a_party('{"party": "group"}');
    INSERT INTO settlement.version_party VALUES (1, 1, 7, 'town');
    INSERT INTO settlement.version_party VALUES (1, 1, 7, 'group');
    RAISE EXCEPTION 'two parties stand in one place';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.version_party.version_party_once
DO $$
BEGIN
    PERFORM pg_temp.a_party('{}');
    PERFORM pg_temp.a_party('{"party": "group"}');
    INSERT INTO settlement.version_party VALUES (1, 1, 7, 'town');
    INSERT INTO settlement.version_party VALUES (1, 2, 7, 'town');
    RAISE EXCEPTION 'a party stands in a version twice';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.version_party.version_party_known
DO $$
BEGIN
    INSERT INTO settlement.version_party VALUES (1, 1, 7, 'nobody');
    RAISE EXCEPTION 'an unknown party was named';
EXCEPTION WHEN foreign_key_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.version_lot.version_lot_key
DO $$
BEGIN
    INSERT INTO settlement.version_lot VALUES (1, 1, 7, '[2026-05-01,2026-05-02)');
    INSERT INTO settlement.version_lot VALUES (1, 1, 7, '[2026-06-01,2026-06-02)');
    RAISE EXCEPTION 'a lot stands in a version twice';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.version_lot.version_lot_one_at_a_time
DO $$
BEGIN
    INSERT INTO settlement.version_lot VALUES (1, 1, 7, '[2026-05-01,)');
    INSERT INTO settlement.version_lot VALUES (2, 1, 7, '[2026-06-01,)');
    RAISE EXCEPTION 'two versions hold for a lot at once';
EXCEPTION WHEN exclusion_violation THEN NULL;
END $$;

-- proves: TRIGGER settlement.version_lot.version_lot_keeps_cleared_days
DO $$
BEGIN
    PERFORM pg_temp.a_day('2026-05-01', now());
    INSERT INTO settlement.version_lot VALUES (1, 1, 7, '[2026-05-01,)');
    RAISE EXCEPTION 'a cleared day got another version';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: TRIGGER settlement.version.version_never_changes
DO $$
BEGIN
    PERFORM pg_temp.a_version('{}');
    UPDATE settlement.version SET title = 'D';
    RAISE EXCEPTION 'an approved version changed';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.day.day_key
DO $$
BEGIN
    PERFORM pg_temp.a_day('2026-05-01', now());
    PERFORM pg_temp.a_day('2026-05-01', now());
    RAISE EXCEPTION 'a day stands twice';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.day.day_looks_ahead
DO $$
BEGIN
    INSERT INTO settlement.day (day, began_at, journal_from, journal_through) VALUES (now(), now(), 0, -1);
    RAISE EXCEPTION 'a day looks before the first journal';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: INDEX settlement.day_one_open
DO $$
BEGIN
    PERFORM pg_temp.a_day('2026-05-01', NULL);
    PERFORM pg_temp.a_day('2026-05-02', NULL);
    RAISE EXCEPTION 'two days are open';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: TRIGGER settlement.day.day_stays_closed
DO $$
BEGIN
    PERFORM pg_temp.a_day('2026-05-01', now());
    UPDATE settlement.day SET closed_at = NULL;
    RAISE EXCEPTION 'a closed day was opened';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.clearing.clearing_key
DO $$
BEGIN
    PERFORM pg_temp.a_clearing('{}');
    PERFORM pg_temp.a_clearing('{}');
    RAISE EXCEPTION 'a journal was cleared twice';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.clearing.clearing_not_ahead
DO $$
BEGIN
    PERFORM pg_temp.a_clearing('{"original_day": "2026-05-02"}');
    RAISE EXCEPTION 'a fact was cleared before its day';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.day_total.day_total_key
DO $$
BEGIN
    PERFORM pg_temp.a_total();
    PERFORM pg_temp.a_total();
    RAISE EXCEPTION 'a total stands twice';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.cycle_line.cycle_line_key
DO $$
BEGIN
    PERFORM pg_temp.a_line('tier');
    PERFORM pg_temp.a_line('tier');
    RAISE EXCEPTION 'a line stands twice';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.cycle_line.cycle_line_kind
DO $$
BEGIN
    PERFORM pg_temp.a_line('gift');
    RAISE EXCEPTION 'a line that means nothing was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.statement.statement_key
DO $$
BEGIN
    PERFORM pg_temp.a_statement('day', '{}');
    PERFORM pg_temp.a_statement('day', '{}');
    RAISE EXCEPTION 'a statement was made twice';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.statement.statement_cycle
DO $$
BEGIN
    PERFORM pg_temp.a_statement('week', '{}');
    RAISE EXCEPTION 'a cycle that is none was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.statement.statement_digest
DO $$
BEGIN
    PERFORM pg_temp.a_statement('day', '[]');
    RAISE EXCEPTION 'a statement has another hash than its own';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.payout_file.payout_file_key
DO $$
BEGIN
    PERFORM pg_temp.a_file('abc');
    PERFORM pg_temp.a_file('abc');
    RAISE EXCEPTION 'a file was numbered twice';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.payout_file.payout_file_digest
DO $$
BEGIN
    PERFORM pg_temp.a_file('abd');
    RAISE EXCEPTION 'a file has another hash than its own';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.payout.payout_key
DO $$
BEGIN
    PERFORM pg_temp.a_party('{}');
    PERFORM pg_temp.a_payout('{}');
    PERFORM pg_temp.a_payout('{}');
    RAISE EXCEPTION 'a payout was numbered twice';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.payout.payout_party
DO $$
BEGIN
    PERFORM pg_temp.a_payout('{}');
    RAISE EXCEPTION 'an unknown party was paid';
EXCEPTION WHEN foreign_key_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.payout.payout_amount
DO $$
BEGIN
    PERFORM pg_temp.a_party('{}');
    PERFORM pg_temp.a_payout('{"amount_fen": 0}');
    RAISE EXCEPTION 'nothing was paid out';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.payout.payout_check_whole
DO $$
BEGIN
    PERFORM pg_temp.a_party('{}');
    PERFORM pg_temp.an_approved_payout('{"checked_by": null}');
    RAISE EXCEPTION 'half a check was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.payout.payout_approval_whole
DO $$
BEGIN
    PERFORM pg_temp.a_party('{}');
    PERFORM pg_temp.an_approved_payout('{"approved_by": null}');
    RAISE EXCEPTION 'half an approval was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.payout.payout_second_person
DO $$
BEGIN
    PERFORM pg_temp.a_party('{}');
    PERFORM pg_temp.an_approved_payout('{"approver_id": 1}');
    RAISE EXCEPTION 'one person did both halves';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.payout.payout_state
DO $$
BEGIN
    PERFORM pg_temp.a_party('{}');
    PERFORM pg_temp.an_approved_payout('{"state": "sent"}');
    RAISE EXCEPTION 'a payout was sent without a file';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: TRIGGER settlement.payout.payout_never_changes
DO $$
BEGIN
    PERFORM pg_temp.a_party('{}');
    PERFORM pg_temp.an_approved_payout('{}');
    UPDATE settlement.payout SET amount_fen = 2;
    RAISE EXCEPTION 'an approved payout changed';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.task.task_key
DO $$
BEGIN
    PERFORM pg_temp.a_task('{}');
    INSERT INTO settlement.task (task_id, operator_id, kind, subject, due_on, raised_at)
        OVERRIDING SYSTEM VALUE
    SELECT task_id, 7, 'claim', 'C', due_on, now() FROM settlement.task;
    RAISE EXCEPTION 'two tasks have one number';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.task.task_kind
DO $$
BEGIN
    PERFORM pg_temp.a_task('{"kind": "chat"}');
    RAISE EXCEPTION 'a task that means nothing was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.task.task_done_whole
DO $$
BEGIN
    PERFORM pg_temp.a_task('{"done_by": "a"}');
    RAISE EXCEPTION 'half an end was accepted';
EXCEPTION WHEN check_violation THEN NULL;
END $$;

-- proves: CONSTRAINT settlement.task.task_once
DO $$
BEGIN
    PERFORM pg_temp.a_task('{}');
    PERFORM pg_temp.a_task('{}');
    RAISE EXCEPTION 'a task was raised twice';
EXCEPTION WHEN unique_violation THEN NULL;
END $$;

-- proves: TRIGGER settlement.clearing.clearing_append_only
DO $$
BEGIN
    PERFORM pg_temp.a_clearing('{}');
    UPDATE settlement.clearing SET operator_id = 8;
    RAISE EXCEPTION 'what was written was rewritten';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: TRIGGER settlement.day_total.day_total_append_only
DO $$
BEGIN
    PERFORM pg_temp.a_total();
    UPDATE settlement.day_total SET operator_id = 8;
    RAISE EXCEPTION 'what was written was rewritten';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: TRIGGER settlement.cycle_line.cycle_line_append_only
DO $$
BEGIN
    PERFORM pg_temp.a_line('tier');
    UPDATE settlement.cycle_line SET operator_id = 8;
    RAISE EXCEPTION 'what was written was rewritten';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: TRIGGER settlement.statement.statement_append_only
DO $$
BEGIN
    PERFORM pg_temp.a_statement('day', '{}');
    UPDATE settlement.statement SET operator_id = 8;
    RAISE EXCEPTION 'what was written was rewritten';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: TRIGGER settlement.payout_file.payout_file_append_only
DO $$
BEGIN
    PERFORM pg_temp.a_file('abc');
    UPDATE settlement.payout_file SET operator_id = 8;
    RAISE EXCEPTION 'what was written was rewritten';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: TRIGGER settlement.version.version_never_goes
DO $$
BEGIN
    PERFORM pg_temp.a_version('{}');
    DELETE FROM settlement.version;
    RAISE EXCEPTION 'what was kept is gone';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: TRIGGER settlement.version_party.version_party_never_goes
DO $$
BEGIN
    PERFORM pg_temp.a_party('{}');
    INSERT INTO settlement.version_party VALUES (1, 1, 7, 'town');
    DELETE FROM settlement.version_party;
    RAISE EXCEPTION 'what was kept is gone';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: TRIGGER settlement.version_lot.version_lot_never_goes
DO $$
BEGIN
    INSERT INTO settlement.version_lot VALUES (1, 1, 7, '[2026-05-01,)');
    DELETE FROM settlement.version_lot;
    RAISE EXCEPTION 'what was kept is gone';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: TRIGGER settlement.day.day_never_goes
DO $$
BEGIN
    PERFORM pg_temp.a_day('2026-05-01', now());
    DELETE FROM settlement.day;
    RAISE EXCEPTION 'what was kept is gone';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;

-- proves: TRIGGER settlement.payout.payout_never_goes
DO $$
BEGIN
    PERFORM pg_temp.a_party('{}');
    PERFORM pg_temp.a_payout('{}');
    DELETE FROM settlement.payout;
    RAISE EXCEPTION 'what was kept is gone';
EXCEPTION WHEN restrict_violation THEN NULL;
END $$;
