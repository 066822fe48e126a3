-- What stands before the first block runs before every block.
CREATE FUNCTION pg_temp.a_journal(changes jsonb) RETURNS bigint
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO ledger.journal
        (operator_id, kind, business_key, occurred_at, clearing_day, revenue_kind, about, lines)
    SELECT operator_id, kind, business_key, occurred_at, clearing_day, revenue_kind, about, lines
    FROM jsonb_populate_record(NULL::ledger.journal, jsonb_build_object(
        'operator_id', 1, 'kind', 'receipt', 'business_key', 'check:1', 'occurred_at', now(),
        'clearing_day', current_date, 'revenue_kind', 'commercial', 'lines', 2) || changes)
    RETURNING journal_id;
END;

CREATE FUNCTION pg_temp.a_posting(changes jsonb) RETURNS bigint
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO ledger.posting (journal_id, line, lines, operator_id, account, owner, amount_fen)
    SELECT journal_id, line, lines, operator_id, account, owner, amount_fen
    FROM jsonb_populate_record(NULL::ledger.posting, jsonb_build_object(
        'line', 1, 'lines', 2, 'operator_id', 1, 'account', 'bank', 'owner', 'check',
        'amount_fen', 5) || changes)
    RETURNING journal_id;
END;

CREATE FUNCTION pg_temp.a_lot() RETURNS bigint
    LANGUAGE sql
BEGIN ATOMIC
    WITH owner AS (
        INSERT INTO registry.operator (code, name, name_en) VALUES ('CHECK-21', '查验', 'Check')
        RETURNING operator_id)
    INSERT INTO registry.lot (
        code, operator_id, name, name_en, town, address, lat_wgs84, lon_wgs84, lat_gcj02,
        lon_gcj02, parking_type, parking_locate, build_type, price_form, opening_hours)
    SELECT '999999999221', operator_id, '查验', 'Check', '999999999', '查验路1号', 31.9, 120.2, 31.9,
        120.2, 2, 1, 1, 'market', '"24h"'
    FROM owner
    RETURNING lot_id;
END;

CREATE FUNCTION pg_temp.a_charge(kind text) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO stays.stay_order (lot_id, order_no, stay_id, operator_id, car_key, plate, state,
        opened_at, fee_fen, owed_fen, paid_fen, written_off_fen, refund_due_fen, settled)
    VALUES (1, 'o', 1, 1, 'k', '苏B00000', 'open', now(), NULL, NULL, 0, 0, 0, false);
    INSERT INTO stays.charge (lot_id, order_no, charge_no, operator_id, amount_fen, priced_until_at,
        lines, state, frozen_at, revenue_kind)
    VALUES (1, 'o', 1, 1, 5, now(), '[]', 'live', now(), kind);
END;

CREATE FUNCTION pg_temp.an_attempt(kind text) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO payments.attempt (attempt_no, lot_id, operator_id, order_no, charge_no, channel,
        amount_fen, state, created_at, expires_at, revenue_kind)
    VALUES ('a', 1, 1, 'o', 1, 'c', 1, 'pending', now(), now(), kind);
END;

-- proves: CONSTRAINT ledger.journal.journal_once
DO $$
BEGIN
    PERFORM pg_temp.a_journal('{}');
    PERFORM pg_temp.a_journal('{}');
    RAISE EXCEPTION 'one thing happened twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT ledger.journal.journal_business_key_form
DO $$
BEGIN
    PERFORM pg_temp.a_journal('{"business_key": "two words"}');
    RAISE EXCEPTION 'a key has a space in it';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT ledger.journal.journal_about_form
DO $$
BEGIN
    PERFORM pg_temp.a_journal('{"about": ""}');
    RAISE EXCEPTION 'a journal is about nothing';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT ledger.journal.journal_kind
DO $$
BEGIN
    PERFORM pg_temp.a_journal('{"kind": "Receipt!"}');
    RAISE EXCEPTION 'a kind is no word';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT ledger.journal.journal_revenue_kind
DO $$
BEGIN
    PERFORM pg_temp.a_journal('{"revenue_kind": "mine"}');
    RAISE EXCEPTION 'the money was nobody''s';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT ledger.journal.journal_lines
DO $$
BEGIN
    PERFORM pg_temp.a_journal('{"lines": 1}');
    RAISE EXCEPTION 'a journal has one side';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT ledger.posting.posting_of_journal
DO $$
BEGIN
    PERFORM pg_temp.a_posting('{"journal_id": 0}');
    RAISE EXCEPTION 'a posting has no journal';
EXCEPTION WHEN foreign_key_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT ledger.posting.posting_of_journal
DO $$
DECLARE number bigint;
BEGIN
    number := pg_temp.a_journal('{}');
    PERFORM pg_temp.a_posting(jsonb_build_object('journal_id', number, 'operator_id', 2));
    RAISE EXCEPTION 'a posting is another operator''s';
EXCEPTION WHEN foreign_key_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT ledger.posting.posting_line
DO $$
DECLARE number bigint;
BEGIN
    number := pg_temp.a_journal('{}');
    PERFORM pg_temp.a_posting(jsonb_build_object('journal_id', number, 'line', 3));
    RAISE EXCEPTION 'a journal has more lines than it says';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT ledger.posting.posting_account_form
DO $$
DECLARE number bigint;
BEGIN
    number := pg_temp.a_journal('{}');
    PERFORM pg_temp.a_posting(jsonb_build_object('journal_id', number, 'account', 'My Account'));
    RAISE EXCEPTION 'an account is no word';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT ledger.posting.posting_owner_form
DO $$
DECLARE number bigint;
BEGIN
    number := pg_temp.a_journal('{}');
    PERFORM pg_temp.a_posting(jsonb_build_object('journal_id', number, 'owner', ''));
    RAISE EXCEPTION 'an account is nobody''s';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT ledger.posting.posting_amount
DO $$
DECLARE number bigint;
BEGIN
    number := pg_temp.a_journal('{}');
    PERFORM pg_temp.a_posting(jsonb_build_object('journal_id', number, 'amount_fen', 0));
    RAISE EXCEPTION 'nothing was moved';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: TRIGGER ledger.journal.journal_balances
DO $$
DECLARE number bigint;
BEGIN
    number := pg_temp.a_journal('{}');
    PERFORM pg_temp.a_posting(jsonb_build_object('journal_id', number));
    PERFORM pg_temp.a_posting(jsonb_build_object('journal_id', number, 'line', 2, 'amount_fen', -4));
    SET CONSTRAINTS ALL IMMEDIATE;
    RAISE EXCEPTION 'a fen came from nowhere';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: TRIGGER ledger.journal.journal_balances
DO $$
DECLARE number bigint;
BEGIN
    number := pg_temp.a_journal('{}');
    SET CONSTRAINTS ALL IMMEDIATE;
    RAISE EXCEPTION 'a journal has no postings';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: TRIGGER ledger.journal.journal_balances
DO $$
DECLARE number bigint;
BEGIN
    number := pg_temp.a_journal('{"lines": 3}');
    PERFORM pg_temp.a_posting(jsonb_build_object('journal_id', number, 'lines', 3));
    PERFORM pg_temp.a_posting(jsonb_build_object('journal_id', number, 'line', 2, 'lines', 3, 'amount_fen', -5));
    SET CONSTRAINTS ALL IMMEDIATE;
    RAISE EXCEPTION 'room was left for a posting';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: TRIGGER ledger.journal.journal_awaits_seal
DO $$
BEGIN
    PERFORM pg_temp.a_journal('{}');
    IF NOT EXISTS (SELECT FROM ledger.unsealed) THEN
        RAISE EXCEPTION 'nobody would seal a journal';
    END IF;
END $$;

-- proves: CONSTRAINT ledger.seal.seal_key
DO $$
BEGIN
    INSERT INTO ledger.seal (operator_id, sequence, journal_id, previous, digest, sealed_at)
    VALUES (1, 2, 1, sha256('a'), sha256('a'), now()), (1, 2, 2, sha256('a'), sha256('a'), now());
    RAISE EXCEPTION 'a chain has two ends';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT ledger.seal.seal_once
DO $$
BEGIN
    INSERT INTO ledger.seal (operator_id, sequence, journal_id, previous, digest, sealed_at)
    VALUES (1, 2, 1, sha256('a'), sha256('a'), now()), (1, 3, 1, sha256('a'), sha256('a'), now());
    RAISE EXCEPTION 'a journal has two seals';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT ledger.seal.seal_sequence
DO $$
BEGIN
    INSERT INTO ledger.seal (operator_id, sequence, journal_id, previous, digest, sealed_at)
    VALUES (1, 0, 1, sha256('a'), sha256('a'), now());
    RAISE EXCEPTION 'a seal came before the first';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT ledger.seal.seal_first
DO $$
BEGIN
    INSERT INTO ledger.seal (operator_id, sequence, journal_id, previous, digest, sealed_at)
    VALUES (1, 1, 1, sha256('a'), sha256('a'), now());
    RAISE EXCEPTION 'something came before the first seal';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT ledger.seal.seal_first
DO $$
BEGIN
    INSERT INTO ledger.seal (operator_id, sequence, journal_id, previous, digest, sealed_at)
    VALUES (1, 2, 1, decode(repeat('00', 32), 'hex'), sha256('a'), now());
    RAISE EXCEPTION 'a chain began twice';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT ledger.seal.seal_digests
DO $$
BEGIN
    INSERT INTO ledger.seal (operator_id, sequence, journal_id, previous, digest, sealed_at)
    VALUES (1, 2, 1, sha256('a'), 'short', now());
    RAISE EXCEPTION 'a hash is no hash';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT ledger.anchor.anchor_key
DO $$
BEGIN
    INSERT INTO ledger.anchor (anchor_day, anchored_at, heads, previous, digest)
    VALUES ('2026-01-01', now(), '', decode(repeat('00', 32), 'hex'), sha256('a')), ('2026-01-01', now(), '', sha256('a'), sha256('a'));
    RAISE EXCEPTION 'a day has two anchors';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT ledger.anchor.anchor_follows_once
DO $$
BEGIN
    INSERT INTO ledger.anchor (anchor_day, anchored_at, heads, previous, digest)
    VALUES ('2026-01-01', now(), '', decode(repeat('00', 32), 'hex'), sha256('a')), ('2026-01-02', now(), '', decode(repeat('00', 32), 'hex'), sha256('a'));
    RAISE EXCEPTION 'two anchors follow the same';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT ledger.anchor.anchor_digests
DO $$
BEGIN
    INSERT INTO ledger.anchor (anchor_day, anchored_at, heads, previous, digest)
    VALUES ('2026-01-01', now(), '', 'short', sha256('a'));
    RAISE EXCEPTION 'a hash is no hash';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: TRIGGER ledger.journal.journal_append_only
DO $$
BEGIN
    UPDATE ledger.journal SET kind = kind;
    RAISE EXCEPTION 'a journal was changed';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;

-- proves: TRIGGER ledger.journal.journal_append_only
DO $$
BEGIN
    DELETE FROM ledger.journal;
    RAISE EXCEPTION 'a journal was deleted';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;

-- proves: TRIGGER ledger.posting.posting_append_only
DO $$
BEGIN
    UPDATE ledger.posting SET line = line;
    RAISE EXCEPTION 'a posting was changed';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;

-- proves: TRIGGER ledger.posting.posting_append_only
DO $$
BEGIN
    DELETE FROM ledger.posting;
    RAISE EXCEPTION 'a posting was deleted';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;

-- proves: TRIGGER ledger.posting.posting_append_only
DO $$
BEGIN
    TRUNCATE ledger.posting;
    RAISE EXCEPTION 'a posting was emptied';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;

-- proves: TRIGGER ledger.seal.seal_append_only
DO $$
BEGIN
    UPDATE ledger.seal SET digest = digest;
    RAISE EXCEPTION 'a seal was changed';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;

-- proves: TRIGGER ledger.seal.seal_append_only
DO $$
BEGIN
    DELETE FROM ledger.seal;
    RAISE EXCEPTION 'a seal was deleted';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;

-- proves: TRIGGER ledger.seal.seal_append_only
DO $$
BEGIN
    TRUNCATE ledger.seal;
    RAISE EXCEPTION 'a seal was emptied';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;

-- proves: TRIGGER ledger.anchor.anchor_append_only
DO $$
BEGIN
    UPDATE ledger.anchor SET heads = heads;
    RAISE EXCEPTION 'a anchor was changed';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;

-- proves: TRIGGER ledger.anchor.anchor_append_only
DO $$
BEGIN
    DELETE FROM ledger.anchor;
    RAISE EXCEPTION 'a anchor was deleted';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;

-- proves: TRIGGER ledger.anchor.anchor_append_only
DO $$
BEGIN
    TRUNCATE ledger.anchor;
    RAISE EXCEPTION 'a anchor was emptied';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT registry.lot.lot_revenue_kind
DO $$
DECLARE number bigint;
BEGIN
    number := pg_temp.a_lot();
    ALTER TABLE registry.lot DISABLE TRIGGER lot_revenue_changes;
    UPDATE registry.lot SET revenue_kind = 'mine' WHERE lot_id = number;
    RAISE EXCEPTION 'a fee is nobody''s';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT registry.lot_revenue.lot_revenue_known
DO $$
BEGIN
    INSERT INTO registry.lot_revenue (lot_id, operator_id, since_at, revenue_kind)
    VALUES (1, 1, now(), 'mine');
    RAISE EXCEPTION 'a fee was nobody''s';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: TRIGGER registry.lot_revenue.lot_revenue_append_only
DO $$
BEGIN
    UPDATE registry.lot_revenue SET revenue_kind = 'non_tax';
    RAISE EXCEPTION 'whose money it was has been rewritten';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;

-- proves: TRIGGER registry.lot_revenue.lot_revenue_append_only
DO $$
BEGIN
    DELETE FROM registry.lot_revenue;
    RAISE EXCEPTION 'whose money it was has been deleted';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;

-- proves: TRIGGER registry.lot.lot_revenue_begins
DO $$
DECLARE number bigint := pg_temp.a_lot();
BEGIN
    IF (SELECT count(*) FROM registry.lot_revenue WHERE lot_id = number) < 1 THEN
        RAISE EXCEPTION 'a lot has no kind of revenue from its beginning';
    END IF;
END $$;

-- proves: TRIGGER registry.lot.lot_revenue_changes
DO $$
DECLARE number bigint := pg_temp.a_lot();
BEGIN
    UPDATE registry.lot SET revenue_kind = 'non_tax' WHERE lot_id = number;
    IF (SELECT count(*) FROM registry.lot_revenue WHERE lot_id = number) < 2 THEN
        RAISE EXCEPTION 'a change left no trace';
    END IF;
END $$;

-- proves: CONSTRAINT stays.charge.charge_revenue_kind
DO $$
BEGIN
    PERFORM pg_temp.a_charge('mine');
    RAISE EXCEPTION 'a charge is nobody''s';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: TRIGGER stays.charge.charge_keeps_revenue_kind
DO $$
BEGIN
    PERFORM pg_temp.a_charge('commercial');
    UPDATE stays.charge SET revenue_kind = 'non_tax';
    RAISE EXCEPTION 'a charge changed its kind';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT payments.attempt.attempt_revenue_kind
DO $$
BEGIN
    PERFORM pg_temp.an_attempt('mine');
    RAISE EXCEPTION 'an attempt is nobody''s';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: TRIGGER payments.attempt.attempt_keeps_revenue_kind
DO $$
BEGIN
    PERFORM pg_temp.an_attempt('commercial');
    UPDATE payments.attempt SET revenue_kind = 'non_tax';
    RAISE EXCEPTION 'an attempt changed its kind';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;

-- proves: POLICY ledger.journal.own_operator
DO $$
DECLARE seen bigint;
BEGIN
    PERFORM pg_temp.a_journal('{}');
    PERFORM pg_temp.a_journal('{"business_key": "check:2", "operator_id": 2}');
    PERFORM set_config('onepark.operator_id', '1', true);
    SET LOCAL ROLE onepark_staff;
    SELECT count(*) INTO seen FROM ledger.journal;
    IF seen <> 1 THEN
        RAISE EXCEPTION 'an operator sees % journals', seen;
    END IF;
END $$;
