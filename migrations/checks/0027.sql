INSERT INTO invoices.seller (seller_id, operator_id, kind, name, tax_id, division, province, city, provider,
    provider_account, drawer, rate_bp, goods_code, goods_name, valid_from, filed_by, filed_at)
OVERRIDING SYSTEM VALUE
VALUES (1, 1, 'vat', 's', 't', '320281', 'p', 'c', 'x', '', '', 900, repeat('3', 19), 'g', '2026-01-01', 'me', now());
INSERT INTO invoices.invoice (invoice_no, operator_id, seller_id, document, fingerprint, buyer_kind, buyer_name,
    total_fen, tax_fen, rate_bp, state, requested_at, lines, next_ask_at)
VALUES ('I1', 1, 1, 'general', '', 'individual', 'b', 100, 8, 900, 'requested', now(), 1, now());
INSERT INTO invoices.line (invoice_no, line_no, live, operator_id, lot_id, order_no, amount_fen, tax_fen, province,
    city, address, cross_city, lease_from_at, lease_until_at, plate)
VALUES ('I1', 1, true, 1, 1, 'o1', 100, 8, 'p', 'c', 'a', false, now(), now(), 'z');
INSERT INTO invoices.message (message_id, invoice_no, operator_id, way, event, made_at, next_try_at)
VALUES ('m1', 'I1', 1, 'mail', 'issued', now(), now());

-- proves: CONSTRAINT invoices.seller.seller_once
DO $$
BEGIN
    INSERT INTO invoices.seller (operator_id, kind, name, tax_id, division, province, city, provider, provider_account, drawer, rate_bp, goods_code, goods_name, valid_from, filed_by, filed_at)
    VALUES (1, 'vat', 's', 't', '320281', 'p', 'c', 'x', '', '', 900, repeat('3', 19), 'g', '2026-01-01', 'me', now());
    RAISE EXCEPTION 'two sellers begin on one day';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.seller.seller_kind
DO $$
BEGIN
    INSERT INTO invoices.seller (operator_id, kind, name, tax_id, division, province, city, provider, provider_account, drawer, rate_bp, goods_code, goods_name, valid_from, filed_by, filed_at)
    VALUES (1, 'vat', 's', 't', '320281', 'p', 'c', 'x', '', '', NULL, repeat('3', 19), 'g', '2026-02-01', 'me', now());
    RAISE EXCEPTION 'an invoice without a rate';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.seller.seller_rate
DO $$
BEGIN
    INSERT INTO invoices.seller (operator_id, kind, name, tax_id, division, province, city, provider, provider_account, drawer, rate_bp, goods_code, goods_name, valid_from, filed_by, filed_at)
    VALUES (1, 'vat', 's', 't', '320281', 'p', 'c', 'x', '', '', 5001, repeat('3', 19), 'g', '2026-02-01', 'me', now());
    RAISE EXCEPTION 'a rate of more than half';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.seller.seller_goods_code
DO $$
BEGIN
    INSERT INTO invoices.seller (operator_id, kind, name, tax_id, division, province, city, provider, provider_account, drawer, rate_bp, goods_code, goods_name, valid_from, filed_by, filed_at)
    VALUES (1, 'vat', 's', 't', '320281', 'p', 'c', 'x', '', '', 900, '3', 'g', '2026-02-01', 'me', now());
    RAISE EXCEPTION 'a goods code of one digit';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.seller.seller_validity
DO $$
BEGIN
    INSERT INTO invoices.seller (operator_id, kind, name, tax_id, division, province, city, provider, provider_account, drawer, rate_bp, goods_code, goods_name, valid_from, filed_by, filed_at, valid_until)
    VALUES (1, 'vat', 's', 't', '320281', 'p', 'c', 'x', '', '', 900, repeat('3', 19), 'g', '2026-02-01', 'me', now(), '2026-01-31');
    RAISE EXCEPTION 'a seller ended before it began';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: TRIGGER invoices.seller.seller_append_only
DO $$
BEGIN
    UPDATE invoices.seller SET rate_bp = 600;
    RAISE EXCEPTION 'a rate was rewritten';
EXCEPTION WHEN restrict_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.invoice.invoice_seller
DO $$
BEGIN
    INSERT INTO invoices.invoice (invoice_no, operator_id, seller_id, document, fingerprint, buyer_kind, buyer_name, total_fen, tax_fen, rate_bp, state, requested_at, lines, next_ask_at)
    VALUES ('I2', 1, 9, 'general', '', 'individual', 'b', 100, 8, 900, 'requested', now(), 1, now());
    RAISE EXCEPTION 'an invoice of no seller';
EXCEPTION WHEN foreign_key_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.invoice.invoice_follows
DO $$
BEGIN
    INSERT INTO invoices.invoice (invoice_no, operator_id, seller_id, document, fingerprint, buyer_kind, buyer_name, total_fen, tax_fen, rate_bp, state, requested_at, lines, next_ask_at, follows)
    VALUES ('I2', 1, 1, 'general', '', 'individual', 'b', 100, 8, 900, 'requested', now(), 1, now(), 'none');
    RAISE EXCEPTION 'the rest of no invoice';
EXCEPTION WHEN foreign_key_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.invoice.invoice_document
DO $$
BEGIN
    INSERT INTO invoices.invoice (invoice_no, operator_id, seller_id, document, fingerprint, buyer_kind, buyer_name, total_fen, tax_fen, rate_bp, state, requested_at, lines, next_ask_at)
    VALUES ('I2', 1, 1, 'general', '', 'individual', 'b', 100, 8, NULL, 'requested', now(), 1, now());
    RAISE EXCEPTION 'an invoice without a rate';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.invoice.invoice_buyer
DO $$
BEGIN
    INSERT INTO invoices.invoice (invoice_no, operator_id, seller_id, document, fingerprint, buyer_kind, buyer_name, total_fen, tax_fen, rate_bp, state, requested_at, lines, next_ask_at, buyer_tax_id)
    VALUES ('I2', 1, 1, 'general', '', 'individual', 'b', 100, 8, 900, 'requested', now(), 1, now(), 't');
    RAISE EXCEPTION 'an individual has a tax id';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.invoice.invoice_amounts
DO $$
BEGIN
    INSERT INTO invoices.invoice (invoice_no, operator_id, seller_id, document, fingerprint, buyer_kind, buyer_name, total_fen, tax_fen, rate_bp, state, requested_at, lines, next_ask_at)
    VALUES ('I2', 1, 1, 'general', '', 'individual', 'b', 0, 0, 900, 'requested', now(), 1, now());
    RAISE EXCEPTION 'an invoice of nothing';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.invoice.invoice_state
DO $$
BEGIN
    INSERT INTO invoices.invoice (invoice_no, operator_id, seller_id, document, fingerprint, buyer_kind, buyer_name, total_fen, tax_fen, rate_bp, state, requested_at, lines, next_ask_at, number, issued_at)
    VALUES ('I2', 1, 1, 'general', '', 'individual', 'b', 100, 8, 900, 'odd', now(), 1, NULL, 'n', now());
    RAISE EXCEPTION 'an invoice has a state of its own';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.invoice.invoice_issued
DO $$
BEGIN
    INSERT INTO invoices.invoice (invoice_no, operator_id, seller_id, document, fingerprint, buyer_kind, buyer_name, total_fen, tax_fen, rate_bp, state, requested_at, lines, next_ask_at)
    VALUES ('I2', 1, 1, 'general', '', 'individual', 'b', 100, 8, 900, 'issued', now(), 1, NULL);
    RAISE EXCEPTION 'an issued invoice has no number';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.invoice.invoice_red
DO $$
BEGIN
    INSERT INTO invoices.invoice (invoice_no, operator_id, seller_id, document, fingerprint, buyer_kind, buyer_name, total_fen, tax_fen, rate_bp, state, requested_at, lines, next_ask_at, number, issued_at)
    VALUES ('I2', 1, 1, 'general', '', 'individual', 'b', 100, 8, 900, 'red_requested', now(), 1, now(), 'n', now());
    RAISE EXCEPTION 'nobody asked for a red invoice';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.invoice.invoice_reversed
DO $$
BEGIN
    INSERT INTO invoices.invoice (invoice_no, operator_id, seller_id, document, fingerprint, buyer_kind, buyer_name, total_fen, tax_fen, rate_bp, state, requested_at, lines, next_ask_at, number, issued_at, red_no, red_reason, red_asked_by, red_asked_at)
    VALUES ('I2', 1, 1, 'general', '', 'individual', 'b', 100, 8, 900, 'reversed', now(), 1, NULL, 'n', now(), 'R', 'w', 'me', now());
    RAISE EXCEPTION 'an invoice was taken back at no time';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.invoice.invoice_under_way
DO $$
BEGIN
    INSERT INTO invoices.invoice (invoice_no, operator_id, seller_id, document, fingerprint, buyer_kind, buyer_name, total_fen, tax_fen, rate_bp, state, requested_at, lines, next_ask_at)
    VALUES ('I2', 1, 1, 'general', '', 'individual', 'b', 100, 8, 900, 'requested', now(), 1, NULL);
    RAISE EXCEPTION 'nobody will ask for an invoice';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.invoice.invoice_waits
DO $$
BEGIN
    INSERT INTO invoices.invoice (invoice_no, operator_id, seller_id, document, fingerprint, buyer_kind, buyer_name, total_fen, tax_fen, rate_bp, state, requested_at, lines, next_ask_at, waits_since_at)
    VALUES ('I2', 1, 1, 'general', '', 'individual', 'b', 100, 8, 900, 'requested', now(), 1, NULL, now());
    RAISE EXCEPTION 'a person has no time to look';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: INDEX invoices.invoice_followed_once
DO $$
BEGIN
    INSERT INTO invoices.invoice (invoice_no, operator_id, seller_id, document, fingerprint, buyer_kind, buyer_name, total_fen, tax_fen, rate_bp, state, requested_at, lines, next_ask_at, follows)
    VALUES ('I2', 1, 1, 'general', '', 'individual', 'b', 100, 8, 900, 'requested', now(), 1, now(), 'I1');
    INSERT INTO invoices.invoice (invoice_no, operator_id, seller_id, document, fingerprint, buyer_kind, buyer_name, total_fen, tax_fen, rate_bp, state, requested_at, lines, next_ask_at, follows)
    VALUES ('I3', 1, 1, 'general', '', 'individual', 'b', 100, 8, 900, 'requested', now(), 1, now(), 'I1');
    RAISE EXCEPTION 'one rest was made out twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: INDEX invoices.invoice_red_once
DO $$
BEGIN
    INSERT INTO invoices.invoice (invoice_no, operator_id, seller_id, document, fingerprint, buyer_kind, buyer_name, total_fen, tax_fen, rate_bp, state, requested_at, lines, next_ask_at, number, issued_at, red_no, red_reason, red_asked_by, red_asked_at)
    VALUES ('I2', 1, 1, 'general', '', 'individual', 'b', 100, 8, 900, 'red_requested', now(), 1, now(), 'n', now(), 'R', 'w', 'me', now());
    INSERT INTO invoices.invoice (invoice_no, operator_id, seller_id, document, fingerprint, buyer_kind, buyer_name, total_fen, tax_fen, rate_bp, state, requested_at, lines, next_ask_at, number, issued_at, red_no, red_reason, red_asked_by, red_asked_at)
    VALUES ('I3', 1, 1, 'general', '', 'individual', 'b', 100, 8, 900, 'red_requested', now(), 1, now(), 'n', now(), 'R', 'w', 'me', now());
    RAISE EXCEPTION 'one red number takes two invoices back';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: TRIGGER invoices.invoice.invoice_adds_up
DO $$
BEGIN
    INSERT INTO invoices.invoice (invoice_no, operator_id, seller_id, document, fingerprint, buyer_kind, buyer_name, total_fen, tax_fen, rate_bp, state, requested_at, lines, next_ask_at)
    VALUES ('I2', 1, 1, 'general', '', 'individual', 'b', 100, 8, 900, 'requested', now(), 1, now());
    SET CONSTRAINTS ALL IMMEDIATE;
    RAISE EXCEPTION 'an invoice is of nothing';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: TRIGGER invoices.invoice.invoice_goes_forward
DO $$
BEGIN
    UPDATE invoices.invoice SET buyer_name = 'other';
    RAISE EXCEPTION 'an invoice became another';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.line.line_of_invoice
DO $$
BEGIN
    INSERT INTO invoices.line (invoice_no, line_no, live, operator_id, lot_id, order_no, amount_fen, tax_fen, province, city, address, cross_city, lease_from_at, lease_until_at, plate)
    VALUES ('I1', 2, true, 2, 1, 'o2', 100, 8, 'p', 'c', 'a', false, now(), now(), 'z');
    RAISE EXCEPTION 'a line is of another operator';
EXCEPTION WHEN foreign_key_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.line.line_lives_with_invoice
DO $$
BEGIN
    INSERT INTO invoices.line (invoice_no, line_no, live, operator_id, lot_id, order_no, amount_fen, tax_fen, province, city, address, cross_city, lease_from_at, lease_until_at, plate)
    VALUES ('I1', 2, false, 1, 1, 'o2', 100, 8, 'p', 'c', 'a', false, now(), now(), 'z');
    RAISE EXCEPTION 'a line is dead whose invoice stands';
EXCEPTION WHEN foreign_key_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.line.line_amounts
DO $$
BEGIN
    INSERT INTO invoices.line (invoice_no, line_no, live, operator_id, lot_id, order_no, amount_fen, tax_fen, province, city, address, cross_city, lease_from_at, lease_until_at, plate)
    VALUES ('I1', 2, true, 1, 1, 'o2', 0, 0, 'p', 'c', 'a', false, now(), now(), 'z');
    RAISE EXCEPTION 'a line of nothing';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.line.line_lease
DO $$
BEGIN
    INSERT INTO invoices.line (invoice_no, line_no, live, operator_id, lot_id, order_no, amount_fen, tax_fen, province, city, address, cross_city, lease_from_at, lease_until_at, plate)
    VALUES ('I1', 2, true, 1, 1, 'o2', 100, 8, 'p', 'c', 'a', false, now(), now() - interval '1 s', 'z');
    RAISE EXCEPTION 'a lease ended before it began';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: INDEX invoices.line_one_live
DO $$
BEGIN
    INSERT INTO invoices.line (invoice_no, line_no, live, operator_id, lot_id, order_no, amount_fen, tax_fen, province, city, address, cross_city, lease_from_at, lease_until_at, plate)
    VALUES ('I1', 2, true, 1, 1, 'o1', 100, 8, 'p', 'c', 'a', false, now(), now(), 'z');
    RAISE EXCEPTION 'two invoices of one order stand';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.message.message_of_invoice
DO $$
BEGIN
    INSERT INTO invoices.message (message_id, invoice_no, operator_id, way, event, made_at)
    VALUES ('m2', 'I1', 2, 'webhook', 'issued', now());
    RAISE EXCEPTION 'a message is of another operator';
EXCEPTION WHEN foreign_key_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.message.message_once
DO $$
BEGIN
    INSERT INTO invoices.message (message_id, invoice_no, operator_id, way, event, made_at)
    VALUES ('m2', 'I1', 1, 'mail', 'issued', now());
    RAISE EXCEPTION 'one event is told twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.message.message_way
DO $$
BEGIN
    INSERT INTO invoices.message (message_id, invoice_no, operator_id, way, event, made_at)
    VALUES ('m2', 'I1', 1, 'owl', 'issued', now());
    RAISE EXCEPTION 'a message goes by a way of its own';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.message.message_event
DO $$
BEGIN
    INSERT INTO invoices.message (message_id, invoice_no, operator_id, way, event, made_at)
    VALUES ('m2', 'I1', 1, 'webhook', 'odd', now());
    RAISE EXCEPTION 'a message tells of nothing';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.message.message_ended
DO $$
BEGIN
    INSERT INTO invoices.message (message_id, invoice_no, operator_id, way, event, made_at, delivered_at, next_try_at)
    VALUES ('m2', 'I1', 1, 'webhook', 'issued', now(), now(), now());
    RAISE EXCEPTION 'what was heard is told again';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT invoices.fleet_title.fleet_title_once
DO $$
BEGIN
    INSERT INTO invoices.fleet_title (operator_id, name, tax_id, plates, filed_by, filed_at)
    VALUES (1, 'f', 't', '{}', 'me', now()), (1, 'g', 't', '{}', 'me', now());
    RAISE EXCEPTION 'one tax id has two titles';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;
