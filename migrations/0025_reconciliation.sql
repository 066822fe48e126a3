-- migrate:up
-- Why: a notice can be forged, lost or wrong by a fen, and only the provider's own daily bill and the
-- account that the money goes to can show it. Files are kept as they came; what differs between the
-- books is a row with an owner and an end, and never goes away by itself unseen.
SET LOCAL lock_timeout = '2s';

CREATE SCHEMA reconciliation;
GRANT USAGE ON SCHEMA reconciliation TO onepark_service, onepark_staff;

-- Every file as it came, the refused ones too: they are evidence.
CREATE TABLE reconciliation.file (
    file_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT file_key PRIMARY KEY,
    channel text NOT NULL,
    kind text NOT NULL,
    day date NOT NULL,
    sha256 bytea NOT NULL, -- of the file as it came
    sha1 text, -- of the file unpacked, as the provider's signed answer says
    body bytea NOT NULL,
    fetched_at timestamptz NOT NULL,
    fetched_by text NOT NULL, -- a login, or the name of a program
    refused text, -- why nothing of it is believed
    CONSTRAINT file_once UNIQUE (channel, kind, day, sha256),
    CONSTRAINT file_kind CHECK (kind IN ('trade', 'fund', 'bank')),
    CONSTRAINT file_size CHECK (octet_length(body) BETWEEN 1 AND 33554432)
);
ALTER TABLE reconciliation.file ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE TRIGGER file_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reconciliation.file
    FOR EACH STATEMENT EXECUTE FUNCTION access.refuse_change();

-- The file that there should be of a channel and day, and how far it is. It is the city's.
CREATE TABLE reconciliation.day (
    channel text NOT NULL,
    kind text NOT NULL,
    day date NOT NULL,
    operator_id bigint,
    state text NOT NULL DEFAULT 'wanted',
    tries integer NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL,
    reason text,
    file_id bigint,
    sha256 bytea, -- of that file
    rows integer NOT NULL DEFAULT 0,
    trade_fen bigint NOT NULL DEFAULT 0,
    refund_fen bigint NOT NULL DEFAULT 0,
    fee_fen bigint NOT NULL DEFAULT 0,
    matched_at timestamptz,
    CONSTRAINT day_key PRIMARY KEY (channel, kind, day),
    CONSTRAINT day_of_city CHECK (operator_id IS NULL),
    CONSTRAINT day_kind CHECK (kind IN ('trade', 'fund', 'bank')),
    CONSTRAINT day_state CHECK (state IN ('wanted', 'empty', 'refused', 'read')),
    CONSTRAINT day_file CHECK (state <> 'read' OR num_nulls(file_id, sha256) = 0),
    CONSTRAINT day_file_known FOREIGN KEY (file_id) REFERENCES reconciliation.file (file_id)
);
CREATE INDEX day_to_fetch ON reconciliation.day (next_try_at) WHERE state IN ('wanted', 'refused');
CREATE INDEX day_to_match ON reconciliation.day (day)
    WHERE matched_at IS NULL AND state IN ('read', 'empty');
CREATE INDEX day_of_file ON reconciliation.day (file_id);

-- The lines of trade bills.
CREATE TABLE reconciliation.line (
    file_id bigint NOT NULL,
    line_no integer NOT NULL,
    channel text NOT NULL,
    day date NOT NULL,
    kind text NOT NULL,
    provider_txn text NOT NULL,
    our_no text NOT NULL,
    amount_fen bigint NOT NULL,
    settled_fen bigint NOT NULL,
    fee_fen bigint NOT NULL,
    at timestamptz NOT NULL,
    state text NOT NULL,
    currency text NOT NULL,
    fund_key text NOT NULL,
    of_no text NOT NULL,
    fee_ppm integer,
    app text,
    CONSTRAINT line_key PRIMARY KEY (file_id, line_no),
    CONSTRAINT line_of_file FOREIGN KEY (file_id) REFERENCES reconciliation.file (file_id),
    CONSTRAINT line_kind CHECK (kind IN ('trade', 'refund')),
    CONSTRAINT line_state CHECK (state IN ('success', 'pending', 'failed'))
);
CREATE INDEX line_of_number ON reconciliation.line (channel, our_no);
CREATE INDEX line_of_fund_key ON reconciliation.line (channel, fund_key);
CREATE TRIGGER line_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reconciliation.line
    FOR EACH STATEMENT EXECUTE FUNCTION access.refuse_change();

-- The movements of accounts: of a provider's, or of a bank's.
CREATE TABLE reconciliation.movement (
    file_id bigint NOT NULL,
    line_no integer NOT NULL,
    channel text NOT NULL,
    day date NOT NULL,
    kind text NOT NULL,
    number text NOT NULL,
    fund_key text NOT NULL,
    amount_fen bigint NOT NULL,
    at timestamptz NOT NULL,
    currency text NOT NULL,
    CONSTRAINT movement_key PRIMARY KEY (file_id, line_no),
    CONSTRAINT movement_of_file FOREIGN KEY (file_id) REFERENCES reconciliation.file (file_id),
    CONSTRAINT movement_kind CHECK (kind IN ('trade', 'refund', 'fee', 'payout', 'other'))
);
CREATE INDEX movement_of_fund_key ON reconciliation.movement (channel, fund_key);
CREATE INDEX movement_of_payout ON reconciliation.movement (at) WHERE kind = 'payout';
CREATE TRIGGER movement_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reconciliation.movement
    FOR EACH STATEMENT EXECUTE FUNCTION access.refuse_change();

CREATE TABLE reconciliation.difference (
    difference_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT difference_key PRIMARY KEY,
    channel text NOT NULL,
    day date NOT NULL,
    class text NOT NULL,
    kind text NOT NULL,
    number text NOT NULL,
    provider_txn text NOT NULL DEFAULT '',
    ours_fen bigint,
    theirs_fen bigint,
    off_fen bigint NOT NULL,
    operator_id bigint, -- whose attempt it is; NULL: nobody knows, so it is the city's
    lot_id bigint,
    owner text NOT NULL,
    note text NOT NULL DEFAULT '',
    found_at timestamptz NOT NULL,
    asked_at timestamptz, -- when the provider was asked about it
    incident_at timestamptz, -- since when it is believed that a notice was forged
    resolution text,
    closed_at timestamptz,
    closed_by text,
    reason text,
    CONSTRAINT difference_once UNIQUE (channel, class, kind, number, provider_txn),
    CONSTRAINT difference_class CHECK (class IN ('theirs_only', 'ours_only', 'amount_differs',
        'fee_differs', 'currency_differs', 'state_differs', 'duplicate', 'bank_differs')),
    CONSTRAINT difference_kind CHECK (kind IN ('trade', 'refund', 'fee', 'payout', 'other')),
    CONSTRAINT difference_owner CHECK (owner IN ('platform', 'provider', 'finance')),
    CONSTRAINT difference_off CHECK (off_fen >= 0),
    CONSTRAINT difference_resolution CHECK (resolution IN ('matched_later', 'believed', 'refunded',
        'corrected', 'written_off', 'explained')),
    CONSTRAINT difference_closed CHECK (num_nulls(resolution, closed_at, closed_by) IN (0, 3)),
    CONSTRAINT difference_incident
        CHECK (incident_at IS NULL OR (class = 'ours_only' AND asked_at IS NOT NULL))
);
CREATE INDEX difference_open ON reconciliation.difference (difference_id) WHERE closed_at IS NULL;
CALL access.protect('reconciliation.difference');
CALL access.protect('reconciliation.day');

-- What was found stays as it was found, and what is closed stays closed.
CREATE FUNCTION reconciliation.keep_difference() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.closed_at IS NOT NULL
        OR (NEW.channel, NEW.day, NEW.class, NEW.kind, NEW.number, NEW.provider_txn, NEW.off_fen,
            NEW.found_at)
        IS DISTINCT FROM (OLD.channel, OLD.day, OLD.class, OLD.kind, OLD.number, OLD.provider_txn,
            OLD.off_fen, OLD.found_at)
        OR (OLD.incident_at IS NOT NULL AND NEW.incident_at IS DISTINCT FROM OLD.incident_at)
    THEN
        RAISE EXCEPTION 'a difference only ever goes forward' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER difference_goes_forward BEFORE UPDATE ON reconciliation.difference
    FOR EACH ROW EXECUTE FUNCTION reconciliation.keep_difference();

-- What a bill is compared with: every attempt, with the provider's own number.
CREATE VIEW payments.pub_bill_attempt WITH (security_invoker = true) AS
    SELECT attempt_no, lot_id, operator_id, channel, amount_fen, state, provider_txn, paid_at,
        order_no, revenue_kind
    FROM payments.attempt;
CREATE VIEW payments.pub_bill_refund WITH (security_invoker = true) AS
    SELECT refund_no, attempt_no, lot_id, operator_id, channel, amount_fen, state, provider_refund,
        refunded_at, coalesce(ruling = 'paid_elsewhere', false) AS by_hand, order_no, revenue_kind
    FROM payments.refund;
GRANT SELECT ON payments.pub_bill_attempt, payments.pub_bill_refund TO onepark_service;

-- squawk-ignore require-concurrent-index-creation  -- no city runs this yet: the table is small
CREATE INDEX attempt_by_payment ON payments.attempt (channel, paid_at) WHERE paid_at IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation  -- as above
CREATE INDEX refund_by_payment ON payments.refund (channel, refunded_at)
    WHERE refunded_at IS NOT NULL;

GRANT SELECT, INSERT ON reconciliation.file, reconciliation.line, reconciliation.movement
    TO onepark_service;
GRANT SELECT, INSERT, UPDATE ON reconciliation.day, reconciliation.difference TO onepark_service;
GRANT SELECT ON reconciliation.day, reconciliation.difference TO onepark_staff;

-- migrate:down
-- A step back is a new migration forward.
