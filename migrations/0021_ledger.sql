-- migrate:up
-- Why: whoever moves money must be able to show every fen of it, and nobody may rewrite what was shown.
-- Journals are only ever added, every one balances, and a chain over them makes a change visible even
-- when somebody with all rights has made it.
SET LOCAL lock_timeout = '2s';

CREATE SCHEMA ledger;
GRANT USAGE ON SCHEMA ledger TO onepark_service, onepark_staff;

CREATE TABLE ledger.journal (
    journal_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT journal_key PRIMARY KEY,
    operator_id bigint NOT NULL,
    kind text NOT NULL,
    business_key text NOT NULL, -- what happened, in the words of whoever posts it: once, for ever
    occurred_at timestamptz NOT NULL,
    clearing_day date NOT NULL, -- the day of Asia/Shanghai that it is cleared with
    revenue_kind text NOT NULL,
    order_no text,
    lot_id bigint,
    about text, -- the business key of the journal that this one follows or corrects
    lines smallint NOT NULL, -- how many postings it has, so that none can be added later
    posted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT journal_once UNIQUE (business_key),
    CONSTRAINT journal_of_posting UNIQUE (journal_id, operator_id, lines),
    CONSTRAINT journal_business_key_form CHECK (business_key ~ '^[!-~]{1,128}$'),
    CONSTRAINT journal_about_form CHECK (about ~ '^[!-~]{1,128}$'),
    CONSTRAINT journal_kind CHECK (kind ~ '^[a-z_]{1,32}$'),
    CONSTRAINT journal_revenue_kind CHECK (revenue_kind IN ('commercial', 'non_tax')),
    CONSTRAINT journal_lines CHECK (lines BETWEEN 2 AND 1000)
);
CREATE INDEX journal_by_day ON ledger.journal (operator_id, clearing_day);
CREATE INDEX journal_of_order ON ledger.journal (order_no) WHERE order_no IS NOT NULL;

-- Debit is positive, credit negative.
CREATE TABLE ledger.posting (
    journal_id bigint NOT NULL,
    line smallint NOT NULL,
    lines smallint NOT NULL,
    operator_id bigint NOT NULL,
    account text NOT NULL,
    owner text NOT NULL, -- whose it is: a channel, a party, a revenue kind, a tax class
    amount_fen bigint NOT NULL,
    CONSTRAINT posting_key PRIMARY KEY (journal_id, line),
    CONSTRAINT posting_of_journal FOREIGN KEY (journal_id, operator_id, lines)
        REFERENCES ledger.journal (journal_id, operator_id, lines),
    CONSTRAINT posting_line CHECK (line BETWEEN 1 AND lines),
    CONSTRAINT posting_account_form CHECK (account ~ '^[a-z_]{1,32}$'),
    CONSTRAINT posting_owner_form CHECK (owner ~ '^[A-Za-z0-9_.:-]{1,64}$'),
    CONSTRAINT posting_amount CHECK (amount_fen <> 0)
);
CREATE INDEX posting_of_account ON ledger.posting (operator_id, account, owner) INCLUDE (amount_fen);

-- Every journal is whole and balances when its transaction commits. The line numbers of a whole one
-- are all taken, so it stays as it is.
CREATE FUNCTION ledger.demand_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    posted bigint;
    rest_fen numeric;
BEGIN
    SELECT count(*), coalesce(sum(amount_fen), 0) INTO posted, rest_fen
    FROM ledger.posting WHERE journal_id = NEW.journal_id;
    IF posted <> NEW.lines OR rest_fen <> 0 THEN
        RAISE EXCEPTION 'journal % has % of % postings and is off by % fen',
            NEW.business_key, posted, NEW.lines, rest_fen USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER journal_balances AFTER INSERT ON ledger.journal
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ledger.demand_balance();

-- What is committed and not sealed. A row comes with its journal's own transaction, so that one that
-- commits late is found however high the numbers are by then.
CREATE TABLE ledger.unsealed (
    operator_id bigint NOT NULL,
    journal_id bigint NOT NULL,
    posted_at timestamptz NOT NULL,
    CONSTRAINT unsealed_key PRIMARY KEY (operator_id, journal_id)
);
CREATE FUNCTION ledger.await_seal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger.unsealed (operator_id, journal_id, posted_at)
    VALUES (NEW.operator_id, NEW.journal_id, NEW.posted_at);
    RETURN NULL;
END $$;
CREATE TRIGGER journal_awaits_seal AFTER INSERT ON ledger.journal
    FOR EACH ROW EXECUTE FUNCTION ledger.await_seal();

-- One chain an operator: each seal is a hash over the one before it and a journal with its postings.
CREATE TABLE ledger.seal (
    operator_id bigint NOT NULL,
    sequence bigint NOT NULL,
    journal_id bigint NOT NULL,
    previous bytea NOT NULL,
    digest bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    CONSTRAINT seal_key PRIMARY KEY (operator_id, sequence),
    CONSTRAINT seal_once UNIQUE (journal_id),
    CONSTRAINT seal_sequence CHECK (sequence >= 1),
    CONSTRAINT seal_first CHECK ((sequence = 1) = (previous = decode(repeat('00', 32), 'hex'))),
    CONSTRAINT seal_digests CHECK (octet_length(previous) = 32 AND octet_length(digest) = 32)
);

-- The heads of all chains at one moment of a day, to be printed and kept elsewhere.
CREATE TABLE ledger.anchor (
    anchor_day date NOT NULL CONSTRAINT anchor_key PRIMARY KEY,
    anchored_at timestamptz NOT NULL,
    heads text NOT NULL, -- as they were hashed
    previous bytea NOT NULL,
    digest bytea NOT NULL,
    CONSTRAINT anchor_follows_once UNIQUE (previous),
    CONSTRAINT anchor_digests CHECK (octet_length(previous) = 32 AND octet_length(digest) = 32)
);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['journal', 'posting', 'seal', 'anchor'] LOOP
        EXECUTE format(
            'CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.%I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION access.refuse_change()',
            name || '_append_only', name);
        EXECUTE format('GRANT SELECT, INSERT ON ledger.%I TO onepark_service', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['journal', 'posting', 'seal', 'unsealed'] LOOP
        CALL access.protect(('ledger.' || name)::regclass);
    END LOOP;
END $$;
GRANT SELECT, INSERT, DELETE ON ledger.unsealed TO onepark_service;
GRANT SELECT ON ledger.journal, ledger.posting, ledger.seal TO onepark_staff;

CREATE VIEW ledger.pub_journal WITH (security_invoker = true) AS
    SELECT journal_id, operator_id, kind, business_key, occurred_at, clearing_day, revenue_kind,
        order_no, lot_id, about, posted_at
    FROM ledger.journal;
CREATE VIEW ledger.pub_posting WITH (security_invoker = true) AS
    SELECT journal_id, line, operator_id, account, owner, amount_fen FROM ledger.posting;
CREATE VIEW ledger.pub_balance WITH (security_invoker = true) AS
    SELECT operator_id, account, owner, sum(amount_fen)::bigint AS balance_fen
    FROM ledger.posting GROUP BY operator_id, account, owner;
GRANT SELECT ON ledger.pub_journal, ledger.pub_posting, ledger.pub_balance
    TO onepark_service, onepark_staff;

-- Whose money a lot's fees are, and since when. An order has the kind that was in force when it was
-- opened, so that it has one from its beginning on and no passage has to carry it.
ALTER TABLE registry.lot
    ADD COLUMN revenue_kind text NOT NULL DEFAULT 'commercial'
    CONSTRAINT lot_revenue_kind CHECK (revenue_kind IN ('commercial', 'non_tax'));

CREATE TABLE registry.lot_revenue (
    lot_id bigint NOT NULL,
    operator_id bigint NOT NULL,
    since_at timestamptz NOT NULL,
    revenue_kind text NOT NULL,
    CONSTRAINT lot_revenue_key PRIMARY KEY (lot_id, since_at),
    CONSTRAINT lot_revenue_known CHECK (revenue_kind IN ('commercial', 'non_tax'))
);
CREATE TRIGGER lot_revenue_append_only BEFORE UPDATE OR DELETE ON registry.lot_revenue
    FOR EACH STATEMENT EXECUTE FUNCTION access.refuse_change();
CALL access.protect('registry.lot_revenue');
GRANT SELECT, INSERT ON registry.lot_revenue TO onepark_service;
GRANT SELECT ON registry.lot_revenue TO onepark_staff;

CREATE VIEW registry.pub_lot_revenue WITH (security_invoker = true) AS
    SELECT lot_id, operator_id, since_at, revenue_kind FROM registry.lot_revenue;
GRANT SELECT ON registry.pub_lot_revenue TO onepark_service, onepark_staff;

ALTER TABLE stays.charge
    ADD COLUMN revenue_kind text NOT NULL DEFAULT 'commercial'
    CONSTRAINT charge_revenue_kind CHECK (revenue_kind IN ('commercial', 'non_tax'));
ALTER TABLE payments.attempt
    ADD COLUMN revenue_kind text NOT NULL DEFAULT 'commercial'
    CONSTRAINT attempt_revenue_kind CHECK (revenue_kind IN ('commercial', 'non_tax'));
CREATE OR REPLACE VIEW payments.pub_attempt WITH (security_invoker = true) AS
    SELECT attempt_no, lot_id, operator_id, order_no, charge_no, channel, amount_fen, state,
        surplus, paid_at, revenue_kind
    FROM payments.attempt;

-- What was there before: roadside bays are the treasury's.
UPDATE registry.lot SET revenue_kind = 'non_tax' WHERE parking_type = 3;
INSERT INTO registry.lot_revenue (lot_id, operator_id, since_at, revenue_kind)
SELECT lot_id, operator_id, '-infinity', revenue_kind FROM registry.lot;
UPDATE stays.charge SET revenue_kind = 'non_tax'
FROM registry.lot WHERE lot.lot_id = charge.lot_id AND lot.revenue_kind = 'non_tax';
UPDATE payments.attempt SET revenue_kind = 'non_tax'
FROM registry.lot WHERE lot.lot_id = attempt.lot_id AND lot.revenue_kind = 'non_tax';

CREATE FUNCTION registry.note_revenue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO registry.lot_revenue (lot_id, operator_id, since_at, revenue_kind)
    VALUES (NEW.lot_id, NEW.operator_id,
        CASE TG_OP WHEN 'INSERT' THEN '-infinity' ELSE clock_timestamp() END, NEW.revenue_kind);
    RETURN NULL;
END $$;
CREATE TRIGGER lot_revenue_begins AFTER INSERT ON registry.lot
    FOR EACH ROW EXECUTE FUNCTION registry.note_revenue();
CREATE TRIGGER lot_revenue_changes AFTER UPDATE OF revenue_kind ON registry.lot
    FOR EACH ROW WHEN (OLD.revenue_kind <> NEW.revenue_kind)
    EXECUTE FUNCTION registry.note_revenue();

CREATE TRIGGER charge_keeps_revenue_kind BEFORE UPDATE OF revenue_kind ON stays.charge
    FOR EACH ROW WHEN (OLD.revenue_kind <> NEW.revenue_kind)
    EXECUTE FUNCTION access.refuse_change();
CREATE TRIGGER attempt_keeps_revenue_kind BEFORE UPDATE OF revenue_kind ON payments.attempt
    FOR EACH ROW WHEN (OLD.revenue_kind <> NEW.revenue_kind)
    EXECUTE FUNCTION access.refuse_change();

-- Receipts from before there were books, as the service posts them.
INSERT INTO ledger.journal
    (operator_id, kind, business_key, occurred_at, clearing_day, revenue_kind, order_no, lot_id, lines)
SELECT operator_id, CASE WHEN surplus THEN 'duplicate_receipt' ELSE 'receipt' END,
    'attempt:' || attempt_no, paid_at, (paid_at AT TIME ZONE 'Asia/Shanghai')::date, revenue_kind,
    order_no, lot_id, 2
FROM payments.attempt WHERE state = 'success' ORDER BY paid_at, attempt_no;
INSERT INTO ledger.posting (journal_id, line, lines, operator_id, account, owner, amount_fen)
SELECT j.journal_id, line, 2, j.operator_id,
    CASE WHEN line = 1 THEN 'channel_receivable'
         WHEN a.surplus THEN 'duplicate_receipts' ELSE 'parking_revenue' END,
    CASE WHEN line = 1 OR a.surplus THEN a.channel ELSE a.revenue_kind END,
    CASE WHEN line = 1 THEN a.amount_fen ELSE -a.amount_fen END
FROM ledger.journal AS j
JOIN payments.attempt AS a ON j.business_key = 'attempt:' || a.attempt_no
CROSS JOIN generate_series(1, 2) AS line;

-- migrate:down
-- A step back is a new migration forward.
