-- migrate:up
-- Why: who has paid may want an invoice for it, of no more than stays paid, and for one order at most one
-- that stands. After a time-out an invoice is asked for again under its own number, for a second number would
-- be a second invoice; one that stands is taken back by a red one before there can be another.
SET LOCAL lock_timeout = '2s';

CREATE SCHEMA invoices;
GRANT USAGE ON SCHEMA invoices TO onepark_service, onepark_staff;

-- In whose name an operator's invoices are made out, from a day on: rates and codes change with the law.
CREATE TABLE invoices.seller (
    seller_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT seller_key PRIMARY KEY,
    operator_id bigint NOT NULL,
    kind text NOT NULL, -- 'vat': invoices; 'fiscal': receipts for non-tax revenue
    name text NOT NULL,
    tax_id text NOT NULL,
    division text NOT NULL, -- GB/T 2260, where the seller is registered
    province text NOT NULL, -- where its lots lie
    city text NOT NULL,
    provider text NOT NULL,
    provider_account text NOT NULL, -- as the provider calls the seller
    drawer text NOT NULL, -- who makes the invoices out, as the provider calls that person
    rate_bp integer, -- hundredths of a per cent
    goods_code text,
    goods_name text NOT NULL,
    preferential_code smallint,
    valid_from date NOT NULL,
    valid_until date,
    filed_by text NOT NULL,
    filed_at timestamptz NOT NULL,
    CONSTRAINT seller_once UNIQUE (operator_id, kind, valid_from),
    CONSTRAINT seller_of_operator UNIQUE (seller_id, operator_id),
    CONSTRAINT seller_kind CHECK (
        CASE kind
            WHEN 'vat' THEN rate_bp IS NOT NULL AND goods_code IS NOT NULL
            WHEN 'fiscal' THEN num_nulls(rate_bp, goods_code, preferential_code) = 3
            ELSE false
        END),
    CONSTRAINT seller_rate CHECK (rate_bp BETWEEN 0 AND 5000),
    CONSTRAINT seller_goods_code CHECK (goods_code ~ '^[0-9]{19}$'),
    CONSTRAINT seller_validity CHECK (valid_until >= valid_from)
);
CREATE TRIGGER seller_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON invoices.seller
    FOR EACH STATEMENT EXECUTE FUNCTION access.refuse_change();

CREATE TABLE invoices.invoice (
    invoice_no text NOT NULL, -- ours; to the provider it is the key under which it issues once
    operator_id bigint NOT NULL,
    seller_id bigint NOT NULL,
    document text NOT NULL,
    fingerprint bytea NOT NULL, -- of what was asked for
    buyer_kind text NOT NULL,
    buyer_name text NOT NULL,
    buyer_tax_id text,
    contact bytea, -- sealed: where it is sent to
    total_fen bigint NOT NULL,
    tax_fen bigint NOT NULL,
    rate_bp integer,
    state text NOT NULL,
    requested_at timestamptz NOT NULL,
    lines smallint NOT NULL,
    follows text, -- the invoice that was taken back and of which this is the rest
    rounds integer NOT NULL DEFAULT 1, -- how often a person had it tried
    tries integer NOT NULL DEFAULT 0,
    next_ask_at timestamptz,
    number text, -- the tax authority's, or the receipt's
    issued_at timestamptz,
    trouble text, -- what the provider last said or kept to itself
    waits_since_at timestamptz, -- for a person
    due_at timestamptz,
    refunded_at timestamptz, -- since then some of what it is of goes back
    red_no text, -- ours, as invoice_no is
    red_reason text,
    red_asked_by text,
    red_asked_at timestamptz,
    red_number text,
    reversed_at timestamptz,
    rest_wanted boolean NOT NULL DEFAULT false,
    live boolean NOT NULL GENERATED ALWAYS AS (state NOT IN ('failed', 'reversed')) STORED,
    CONSTRAINT invoice_key PRIMARY KEY (invoice_no),
    CONSTRAINT invoice_live UNIQUE (invoice_no, live),
    CONSTRAINT invoice_of_line UNIQUE (invoice_no, operator_id),
    CONSTRAINT invoice_seller FOREIGN KEY (seller_id, operator_id)
        REFERENCES invoices.seller (seller_id, operator_id),
    CONSTRAINT invoice_follows FOREIGN KEY (follows) REFERENCES invoices.invoice,
    CONSTRAINT invoice_document CHECK (
        CASE document
            WHEN 'general' THEN rate_bp IS NOT NULL
            WHEN 'special' THEN rate_bp IS NOT NULL AND buyer_tax_id IS NOT NULL
            WHEN 'fiscal' THEN rate_bp IS NULL AND tax_fen = 0
            ELSE false
        END),
    CONSTRAINT invoice_buyer CHECK (
        CASE buyer_kind
            WHEN 'individual' THEN buyer_tax_id IS NULL
            WHEN 'organisation' THEN buyer_tax_id IS NOT NULL
            ELSE false
        END),
    CONSTRAINT invoice_amounts CHECK (total_fen > 0 AND tax_fen >= 0 AND tax_fen < total_fen),
    CONSTRAINT invoice_state CHECK (state IN (
        'requested', 'issuing', 'failed', 'issued', 'red_requested', 'red_confirmed', 'reversed')),
    CONSTRAINT invoice_issued CHECK (
        (state IN ('requested', 'issuing', 'failed')) = (number IS NULL)
        AND (number IS NULL) = (issued_at IS NULL)),
    CONSTRAINT invoice_red CHECK (
        num_nulls(red_no, red_reason, red_asked_by, red_asked_at)
            = CASE WHEN state IN ('red_requested', 'red_confirmed', 'reversed') THEN 0 ELSE 4 END),
    CONSTRAINT invoice_reversed CHECK (
        (state = 'reversed') = (reversed_at IS NOT NULL)
        AND (state = 'reversed') = (red_number IS NOT NULL)),
    -- It is asked about while it is under way, unless it waits for a person.
    CONSTRAINT invoice_under_way CHECK (
        CASE WHEN state IN ('requested', 'issuing', 'red_requested', 'red_confirmed')
            THEN (next_ask_at IS NULL) = (waits_since_at IS NOT NULL)
            ELSE next_ask_at IS NULL END),
    CONSTRAINT invoice_waits CHECK ((waits_since_at IS NULL) = (due_at IS NULL))
);
CREATE UNIQUE INDEX invoice_followed_once ON invoices.invoice (follows) WHERE follows IS NOT NULL;
CREATE UNIQUE INDEX invoice_red_once ON invoices.invoice (red_no) WHERE red_no IS NOT NULL;
CREATE INDEX invoice_to_ask ON invoices.invoice (next_ask_at) WHERE next_ask_at IS NOT NULL;
CREATE INDEX invoice_to_reverse ON invoices.invoice (refunded_at)
    WHERE refunded_at IS NOT NULL AND state = 'issued' AND waits_since_at IS NULL;
CREATE INDEX invoice_rest ON invoices.invoice (requested_at) WHERE rest_wanted AND NOT live;
CREATE INDEX invoice_for_a_person ON invoices.invoice (due_at) WHERE waits_since_at IS NOT NULL;
CREATE INDEX invoice_contact ON invoices.invoice (requested_at) WHERE contact IS NOT NULL;

-- What an invoice is of, with the element that leases of real estate need: where, when, which car.
CREATE TABLE invoices.line (
    invoice_no text NOT NULL,
    line_no smallint NOT NULL,
    live boolean NOT NULL,
    operator_id bigint NOT NULL,
    lot_id bigint NOT NULL,
    order_no text NOT NULL,
    amount_fen bigint NOT NULL,
    tax_fen bigint NOT NULL,
    province text NOT NULL,
    city text NOT NULL,
    address text NOT NULL,
    cross_city boolean NOT NULL,
    lease_from_at timestamptz NOT NULL,
    lease_until_at timestamptz NOT NULL,
    plate text NOT NULL,
    CONSTRAINT line_key PRIMARY KEY (invoice_no, line_no),
    CONSTRAINT line_of_invoice FOREIGN KEY (invoice_no, operator_id)
        REFERENCES invoices.invoice (invoice_no, operator_id),
    -- Whether it stands follows the state of its invoice, whoever changes that.
    CONSTRAINT line_lives_with_invoice FOREIGN KEY (invoice_no, live)
        REFERENCES invoices.invoice (invoice_no, live) ON UPDATE CASCADE,
    CONSTRAINT line_amounts CHECK (amount_fen > 0 AND tax_fen >= 0 AND tax_fen < amount_fen),
    CONSTRAINT line_lease CHECK (lease_until_at >= lease_from_at)
);
CREATE UNIQUE INDEX line_one_live ON invoices.line (order_no) WHERE live;
CREATE INDEX line_of_order ON invoices.line (order_no);

-- An invoice comes with all of its lines, and they add up to it.
CREATE FUNCTION invoices.demand_sum() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept record;
BEGIN
    SELECT count(*) AS n, coalesce(sum(amount_fen), 0) AS total, coalesce(sum(tax_fen), 0) AS tax
        INTO kept FROM invoices.line WHERE invoice_no = NEW.invoice_no;
    IF (kept.n, kept.total, kept.tax) IS DISTINCT FROM
        (NEW.lines::bigint, NEW.total_fen::numeric, NEW.tax_fen::numeric) THEN
        RAISE EXCEPTION 'the lines of an invoice do not add up to it' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER invoice_adds_up AFTER INSERT ON invoices.invoice
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION invoices.demand_sum();

-- An invoice is never another one later, and goes forward only: a failed one is tried again by a person
-- alone, and one that was issued is never forgotten.
CREATE FUNCTION invoices.invoice_forward() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    states CONSTANT text[] :=
        ARRAY['requested', 'issuing', 'failed', 'issued', 'red_requested', 'red_confirmed', 'reversed'];
    again CONSTANT boolean := OLD.state = 'failed' AND NEW.state = 'issuing'
        AND NEW.rounds = OLD.rounds + 1;
BEGIN
    IF (NEW.invoice_no, NEW.operator_id, NEW.seller_id, NEW.document, NEW.fingerprint, NEW.buyer_kind,
            NEW.buyer_name, NEW.buyer_tax_id, NEW.total_fen, NEW.tax_fen, NEW.rate_bp, NEW.requested_at,
            NEW.lines, NEW.follows)
        IS DISTINCT FROM
        (OLD.invoice_no, OLD.operator_id, OLD.seller_id, OLD.document, OLD.fingerprint, OLD.buyer_kind,
            OLD.buyer_name, OLD.buyer_tax_id, OLD.total_fen, OLD.tax_fen, OLD.rate_bp, OLD.requested_at,
            OLD.lines, OLD.follows)
        OR OLD.number IS DISTINCT FROM NEW.number AND OLD.number IS NOT NULL
    THEN
        RAISE EXCEPTION 'an invoice never becomes another' USING ERRCODE = 'check_violation';
    END IF;
    IF array_position(states, NEW.state) < array_position(states, OLD.state) AND NOT again
        OR NEW.state IN ('red_requested', 'red_confirmed', 'reversed') AND OLD.number IS NULL THEN
        RAISE EXCEPTION 'an invoice goes forward only' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoice_goes_forward BEFORE UPDATE ON invoices.invoice
    FOR EACH ROW EXECUTE FUNCTION invoices.invoice_forward();

-- What is told of an invoice, each once in the receiver's eyes however often it is sent.
CREATE TABLE invoices.message (
    message_id text NOT NULL,
    invoice_no text NOT NULL,
    operator_id bigint NOT NULL,
    way text NOT NULL,
    event text NOT NULL,
    made_at timestamptz NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    next_try_at timestamptz,
    delivered_at timestamptz,
    trouble text,
    CONSTRAINT message_key PRIMARY KEY (message_id),
    CONSTRAINT message_of_invoice FOREIGN KEY (invoice_no, operator_id)
        REFERENCES invoices.invoice (invoice_no, operator_id),
    CONSTRAINT message_once UNIQUE (invoice_no, way, event),
    CONSTRAINT message_way CHECK (way IN ('webhook', 'mail')),
    CONSTRAINT message_event CHECK (event IN ('issued', 'failed', 'reversed')),
    CONSTRAINT message_ended CHECK (delivered_at IS NULL OR next_try_at IS NULL)
);
CREATE INDEX message_to_send ON invoices.message (next_try_at) WHERE next_try_at IS NOT NULL;

-- Where an operator wants to hear of its invoices; the secret is sealed under the platform's key.
CREATE TABLE invoices.listener (
    operator_id bigint CONSTRAINT listener_key PRIMARY KEY,
    url text NOT NULL,
    secret bytea NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL
);

-- A title that a citizen had kept: sealed, and found only by whoever holds its token.
CREATE TABLE invoices.kept_title (
    token_hash bytea CONSTRAINT kept_title_key PRIMARY KEY,
    title bytea NOT NULL,
    kept_at timestamptz NOT NULL,
    used_at timestamptz NOT NULL
);
CREATE INDEX kept_title_by_use ON invoices.kept_title (used_at);

-- Whom an operator's fleets are invoiced to.
CREATE TABLE invoices.fleet_title (
    fleet_title_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT fleet_title_key PRIMARY KEY,
    operator_id bigint NOT NULL,
    name text NOT NULL,
    tax_id text NOT NULL,
    email text,
    plates text[] NOT NULL,
    filed_by text NOT NULL,
    filed_at timestamptz NOT NULL,
    CONSTRAINT fleet_title_once UNIQUE (operator_id, tax_id)
);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['seller', 'invoice', 'line', 'message', 'listener', 'fleet_title'] LOOP
        CALL access.protect(('invoices.' || name)::regclass);
    END LOOP;
END $$;
GRANT SELECT, INSERT ON invoices.seller, invoices.line TO onepark_service;
GRANT SELECT, INSERT, UPDATE ON invoices.invoice, invoices.message, invoices.listener,
    invoices.fleet_title TO onepark_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON invoices.kept_title TO onepark_service;
GRANT SELECT ON invoices.seller, invoices.invoice, invoices.line, invoices.message,
    invoices.fleet_title TO onepark_staff;
GRANT SELECT (operator_id, url, set_by, set_at) ON invoices.listener TO onepark_staff;

CREATE VIEW invoices.pub_line WITH (security_invoker = true) AS
    SELECT line.order_no, line.lot_id, line.operator_id, line.invoice_no, line.amount_fen, line.tax_fen,
        line.live, invoice.document, invoice.rate_bp, invoice.state, invoice.issued_at,
        invoice.reversed_at
    FROM invoices.line JOIN invoices.invoice USING (invoice_no);
GRANT SELECT ON invoices.pub_line TO onepark_service, onepark_staff;

-- migrate:down
-- A step back is a new migration forward.
