-- migrate:up
-- Why: what a lot earns belongs to those whom its contract names. Who gets which fen of which payment is
-- written down once, day by day, by the version of the contract that was in force when it was paid; what
-- is written stays, and whatever comes late goes to the first day that is still open.
SET LOCAL lock_timeout = '2s';

CREATE SCHEMA settlement;
GRANT USAGE ON SCHEMA settlement TO onepark_service, onepark_staff;

-- Who takes part in contracts of an operator, and where its money goes.
CREATE TABLE settlement.party (
    operator_id bigint NOT NULL,
    party text NOT NULL,
    name text NOT NULL,
    holder text,
    account_no text,
    bank_code text,
    registered_by text NOT NULL,
    registered_at timestamptz NOT NULL,
    CONSTRAINT party_key PRIMARY KEY (operator_id, party),
    CONSTRAINT party_form CHECK (party ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    CONSTRAINT party_account_whole CHECK (num_nulls(holder, account_no, bank_code) IN (0, 3))
);

-- One version of a contract. Where no contract holds, the operator has the whole ('operator_whole'), and
-- non-tax revenue is the treasury's ('treasury_whole'): these stand from the beginning and have no lots.
CREATE TABLE settlement.version (
    version_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT version_key PRIMARY KEY,
    operator_id bigint NOT NULL,
    kind text NOT NULL,
    contract_no text NOT NULL,
    number integer NOT NULL,
    title text NOT NULL,
    form text,
    terms text NOT NULL, -- JSON
    lots bigint[] NOT NULL,
    valid_from date NOT NULL,
    valid_until date, -- the first day on which it holds no more
    takeover_on date,
    expires_on date,
    state text NOT NULL,
    drafter_id bigint NOT NULL,
    drafter text NOT NULL,
    drafted_at timestamptz NOT NULL,
    approver_id bigint,
    approver text,
    approved_at timestamptz,
    CONSTRAINT version_once UNIQUE (operator_id, contract_no, number),
    CONSTRAINT version_kind CHECK (kind IN ('contract', 'operator_whole', 'treasury_whole')),
    CONSTRAINT version_form CHECK ((kind = 'contract') = (form IS NOT NULL)),
    CONSTRAINT version_number CHECK (number >= 1),
    CONSTRAINT version_lasts CHECK (valid_from < valid_until),
    CONSTRAINT version_terms CHECK (jsonb_typeof(terms::jsonb) = 'object'),
    CONSTRAINT version_state CHECK (
        CASE state
            WHEN 'draft' THEN approver_id IS NULL
            WHEN 'approved' THEN kind <> 'contract' OR approver_id IS NOT NULL
            WHEN 'withdrawn' THEN approver_id IS NULL
            ELSE false
        END),
    CONSTRAINT version_approval_whole CHECK (
        num_nulls(approver_id, approver, approved_at) IN (0, 3)),
    CONSTRAINT version_second_person CHECK (approver_id <> drafter_id)
);
CREATE UNIQUE INDEX version_standing ON settlement.version (operator_id, kind)
    WHERE kind <> 'contract';

-- The parties of a version in the order of its terms: amounts stand in the same order.
CREATE TABLE settlement.version_party (
    version_id bigint NOT NULL,
    position integer NOT NULL,
    operator_id bigint NOT NULL,
    party text NOT NULL,
    CONSTRAINT version_party_key PRIMARY KEY (version_id, position),
    CONSTRAINT version_party_once UNIQUE (version_id, party),
    CONSTRAINT version_party_known FOREIGN KEY (operator_id, party) REFERENCES settlement.party
);

-- When which approved version holds for a lot: never two at a time.
CREATE TABLE settlement.version_lot (
    version_id bigint NOT NULL,
    lot_id bigint NOT NULL,
    operator_id bigint NOT NULL,
    valid daterange NOT NULL,
    CONSTRAINT version_lot_key PRIMARY KEY (version_id, lot_id),
    CONSTRAINT version_lot_one_at_a_time EXCLUDE USING gist (lot_id WITH =, valid WITH &&)
);

-- A day of clearing. Journals up to journal_through were looked at for it; the next day begins to look
-- after journal_from.
CREATE TABLE settlement.day (
    day date CONSTRAINT day_key PRIMARY KEY,
    began_at timestamptz NOT NULL,
    journal_from bigint NOT NULL,
    journal_through bigint NOT NULL,
    facts bigint NOT NULL DEFAULT 0,
    closed_at timestamptz,
    CONSTRAINT day_looks_ahead CHECK (journal_through >= 0 AND journal_from >= 0)
);
CREATE UNIQUE INDEX day_one_open ON settlement.day ((true)) WHERE closed_at IS NULL;

-- What one journal of the books gave to each party, in the order of version_party. The key lets a journal
-- be cleared once, for ever.
CREATE TABLE settlement.clearing (
    journal_id bigint CONSTRAINT clearing_key PRIMARY KEY,
    operator_id bigint NOT NULL,
    version_id bigint NOT NULL,
    lot_id bigint,
    day date NOT NULL,
    original_day date NOT NULL,
    unit text NOT NULL, -- the order, whose facts are shared together
    gross_fen bigint NOT NULL,
    fee_fen bigint NOT NULL,
    coupon_fen bigint NOT NULL,
    amounts_fen bigint[] NOT NULL,
    CONSTRAINT clearing_not_ahead CHECK (original_day <= day)
);
CREATE INDEX clearing_of_unit ON settlement.clearing (unit);
CREATE INDEX clearing_of_day ON settlement.clearing (day, version_id);

-- What a day came to, by version, lot and the day it was late for; lot 0 is no lot.
CREATE TABLE settlement.day_total (
    day date NOT NULL,
    version_id bigint NOT NULL,
    lot_id bigint NOT NULL,
    original_day date NOT NULL,
    operator_id bigint NOT NULL,
    facts bigint NOT NULL,
    gross_fen bigint NOT NULL,
    fee_fen bigint NOT NULL,
    coupon_fen bigint NOT NULL,
    amounts_fen bigint[] NOT NULL,
    CONSTRAINT day_total_key PRIMARY KEY (day, version_id, lot_id, original_day)
);

-- What a cycle moved between parties beside its payments: tiers and guarantees.
CREATE TABLE settlement.cycle_line (
    day date NOT NULL,
    version_id bigint NOT NULL,
    kind text NOT NULL,
    operator_id bigint NOT NULL,
    amounts_fen bigint[] NOT NULL,
    CONSTRAINT cycle_line_key PRIMARY KEY (day, version_id, kind),
    CONSTRAINT cycle_line_kind CHECK (kind IN ('tier', 'guarantee'))
);

CREATE TABLE settlement.statement (
    operator_id bigint NOT NULL,
    party text NOT NULL,
    cycle text NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    total_fen bigint NOT NULL,
    body text NOT NULL,
    digest bytea NOT NULL,
    made_at timestamptz NOT NULL,
    CONSTRAINT statement_key PRIMARY KEY (operator_id, party, cycle, first_day),
    CONSTRAINT statement_cycle CHECK (cycle IN ('day', 'month')),
    CONSTRAINT statement_digest CHECK (digest = sha256(convert_to(body, 'UTF8')))
);

CREATE TABLE settlement.payout_file (
    file_no text CONSTRAINT payout_file_key PRIMARY KEY,
    operator_id bigint NOT NULL,
    driver text NOT NULL,
    media_type text NOT NULL,
    content bytea NOT NULL,
    digest bytea NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    CONSTRAINT payout_file_digest CHECK (digest = sha256(content))
);

-- Money on its way to a party; the account is that of the day it was drafted.
CREATE TABLE settlement.payout (
    payout_no text CONSTRAINT payout_key PRIMARY KEY,
    operator_id bigint NOT NULL,
    party text NOT NULL,
    amount_fen bigint NOT NULL,
    state text NOT NULL,
    holder text NOT NULL,
    account_no text NOT NULL,
    bank_code text NOT NULL,
    drafter_id bigint NOT NULL,
    drafted_by text NOT NULL,
    drafted_at timestamptz NOT NULL,
    checker_id bigint,
    checked_by text,
    checked_at timestamptz,
    approver_id bigint,
    approved_by text,
    approved_at timestamptz,
    file_no text,
    payer_no text, -- the account that it left from
    sent_at timestamptz,
    ended_at timestamptz,
    reason text,
    CONSTRAINT payout_party FOREIGN KEY (operator_id, party) REFERENCES settlement.party,
    CONSTRAINT payout_amount CHECK (amount_fen > 0),
    CONSTRAINT payout_check_whole CHECK (num_nulls(checker_id, checked_by, checked_at) IN (0, 3)),
    CONSTRAINT payout_approval_whole CHECK (
        num_nulls(approver_id, approved_by, approved_at) IN (0, 3)),
    CONSTRAINT payout_second_person CHECK (approver_id <> drafter_id AND approved_by <> drafted_by),
    CONSTRAINT payout_state CHECK (
        CASE state
            WHEN 'draft' THEN checker_id IS NULL AND approver_id IS NULL AND sent_at IS NULL
            WHEN 'checked' THEN checker_id IS NOT NULL AND approver_id IS NULL AND sent_at IS NULL
            WHEN 'approved' THEN
                checker_id IS NOT NULL AND approver_id IS NOT NULL AND sent_at IS NULL
            WHEN 'withdrawn' THEN sent_at IS NULL AND ended_at IS NOT NULL AND reason IS NOT NULL
            WHEN 'sent' THEN
                approver_id IS NOT NULL AND sent_at IS NOT NULL AND file_no IS NOT NULL
                AND payer_no IS NOT NULL AND ended_at IS NULL
            WHEN 'paid' THEN approver_id IS NOT NULL AND sent_at IS NOT NULL AND ended_at IS NOT NULL
            WHEN 'failed' THEN sent_at IS NOT NULL AND ended_at IS NOT NULL AND reason IS NOT NULL
            WHEN 'returned' THEN sent_at IS NOT NULL AND ended_at IS NOT NULL AND reason IS NOT NULL
            ELSE false
        END)
);
CREATE INDEX payout_of_party ON settlement.payout (operator_id, party, state);

-- What a person must look at: a contract that ends, a lot without one, a debt of a party.
CREATE TABLE settlement.task (
    task_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT task_key PRIMARY KEY,
    operator_id bigint NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    due_on date NOT NULL,
    amount_fen bigint,
    raised_at timestamptz NOT NULL,
    done_at timestamptz,
    done_by text,
    reason text,
    CONSTRAINT task_kind CHECK (kind IN ('takeover', 'expiry', 'lot_without_contract', 'claim')),
    CONSTRAINT task_done_whole CHECK (num_nulls(done_at, done_by, reason) IN (0, 3)),
    CONSTRAINT task_once UNIQUE (operator_id, kind, subject, due_on)
);

-- A version that was approved only ever gets an earlier or later end, and no day that was cleared may
-- come under another version.
CREATE TRIGGER version_never_changes BEFORE UPDATE ON settlement.version
    FOR EACH ROW WHEN (
        (OLD.version_id, OLD.operator_id, OLD.kind, OLD.contract_no, OLD.number, OLD.title, OLD.form,
         OLD.terms, OLD.lots, OLD.valid_from, OLD.takeover_on, OLD.expires_on, OLD.drafter_id,
         OLD.drafter, OLD.drafted_at)
        IS DISTINCT FROM
        (NEW.version_id, NEW.operator_id, NEW.kind, NEW.contract_no, NEW.number, NEW.title, NEW.form,
         NEW.terms, NEW.lots, NEW.valid_from, NEW.takeover_on, NEW.expires_on, NEW.drafter_id,
         NEW.drafter, NEW.drafted_at)
        OR (OLD.state <> 'draft' AND (OLD.state, OLD.approver_id, OLD.approver, OLD.approved_at)
            IS DISTINCT FROM (NEW.state, NEW.approver_id, NEW.approver, NEW.approved_at)))
    EXECUTE FUNCTION access.refuse_change();

CREATE FUNCTION settlement.keep_cleared_days() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last_day date := (SELECT max(day) FROM settlement.day);
BEGIN
    IF TG_OP = 'INSERT' AND lower(NEW.valid) <= last_day
        OR TG_OP = 'UPDATE' AND (
            (OLD.version_id, OLD.lot_id, OLD.operator_id, lower(OLD.valid))
                IS DISTINCT FROM (NEW.version_id, NEW.lot_id, NEW.operator_id, lower(NEW.valid))
            OR upper(NEW.valid) <= last_day OR upper(OLD.valid) <= last_day) THEN
        RAISE EXCEPTION 'days up to % are cleared', last_day USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER version_lot_keeps_cleared_days BEFORE INSERT OR UPDATE ON settlement.version_lot
    FOR EACH ROW EXECUTE FUNCTION settlement.keep_cleared_days();

CREATE TRIGGER day_stays_closed BEFORE UPDATE ON settlement.day
    FOR EACH ROW WHEN (OLD.closed_at IS NOT NULL) EXECUTE FUNCTION access.refuse_change();

-- What was sent stays as it was approved, and an end is an end: only a bank may return what it paid.
CREATE TRIGGER payout_never_changes BEFORE UPDATE ON settlement.payout
    FOR EACH ROW WHEN (
        (OLD.payout_no, OLD.operator_id, OLD.party, OLD.amount_fen, OLD.holder, OLD.account_no,
         OLD.bank_code, OLD.drafter_id, OLD.drafted_by, OLD.drafted_at)
        IS DISTINCT FROM
        (NEW.payout_no, NEW.operator_id, NEW.party, NEW.amount_fen, NEW.holder, NEW.account_no,
         NEW.bank_code, NEW.drafter_id, NEW.drafted_by, NEW.drafted_at)
        OR (OLD.approver_id IS NOT NULL AND OLD.approver_id IS DISTINCT FROM NEW.approver_id)
        OR OLD.state IN ('failed', 'returned', 'withdrawn')
        OR OLD.state = 'paid' AND NEW.state <> 'returned'
        OR OLD.state = 'sent' AND NEW.state NOT IN ('paid', 'failed', 'returned'))
    EXECUTE FUNCTION access.refuse_change();

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['clearing', 'day_total', 'cycle_line', 'statement', 'payout_file'] LOOP
        EXECUTE format(
            'CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON settlement.%I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION access.refuse_change()',
            name || '_append_only', name);
        EXECUTE format('GRANT SELECT, INSERT ON settlement.%I TO onepark_service', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['version', 'version_party', 'version_lot', 'day', 'payout'] LOOP
        EXECUTE format(
            'CREATE TRIGGER %I BEFORE DELETE OR TRUNCATE ON settlement.%I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION access.refuse_change()',
            name || '_never_goes', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY[
        'party', 'version', 'version_party', 'version_lot', 'clearing', 'day_total', 'cycle_line',
        'statement', 'payout_file', 'payout', 'task'] LOOP
        CALL access.protect(('settlement.' || name)::regclass);
        EXECUTE format('GRANT SELECT ON settlement.%I TO onepark_staff', name);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE ON settlement.party, settlement.day, settlement.version_lot,
    settlement.payout, settlement.task TO onepark_service;
GRANT SELECT, INSERT, UPDATE (state, approver_id, approver, approved_at, valid_until)
    ON settlement.version TO onepark_service;
GRANT SELECT, INSERT ON settlement.version_party TO onepark_service;

-- One row a party and journal: what each got of what, and when.
CREATE VIEW settlement.clearing_line WITH (security_invoker = true) AS
    SELECT
        cleared.day, cleared.version_id, named.party, cleared.journal_id, cleared.operator_id,
        cleared.lot_id, cleared.original_day, cleared.unit, cleared.gross_fen, cleared.fee_fen,
        cleared.coupon_fen, cleared.amounts_fen[named.position] AS amount_fen
    FROM settlement.clearing AS cleared
    JOIN settlement.version_party AS named ON named.version_id = cleared.version_id;
-- What a party has of what a day came to.
CREATE VIEW settlement.day_share WITH (security_invoker = true) AS
    SELECT
        total.day, total.version_id, named.party, total.operator_id, total.original_day, total.lot_id,
        total.facts, total.gross_fen, total.fee_fen, total.coupon_fen,
        total.amounts_fen[named.position] AS amount_fen
    FROM settlement.day_total AS total
    JOIN settlement.version_party AS named ON named.version_id = total.version_id;
CREATE VIEW settlement.pub_statement WITH (security_invoker = true) AS
    SELECT operator_id, party, cycle, first_day, last_day, total_fen, digest, made_at
    FROM settlement.statement;
GRANT SELECT ON settlement.clearing_line, settlement.day_share, settlement.pub_statement
    TO onepark_service, onepark_staff;

-- migrate:down
-- A step back is a new migration forward.
