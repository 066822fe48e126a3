-- migrate:up
-- Why: some providers are believed only when they are asked, a payer may also go to a page or call an
-- app, and a lot takes cash and cards itself: its receipt is told once, and pays once.
SET LOCAL lock_timeout = '2s';

ALTER TABLE payments.attempt
    ADD COLUMN kind text NOT NULL DEFAULT 'qr', -- how its payer pays
    ADD COLUMN jsapi text; -- what a page hands to the provider's app, JSON
-- squawk-ignore constraint-missing-not-valid  -- no city runs this yet: the table is small
ALTER TABLE payments.attempt ADD CONSTRAINT attempt_kind
    CHECK (kind IN ('qr', 'redirect', 'jsapi', 'counter') AND (jsapi IS NULL OR kind = 'jsapi'));

ALTER TABLE payments.notice ADD COLUMN is_hint boolean NOT NULL DEFAULT false;

-- What a lot says it took at its counter or its terminal. The number is the lot's own.
CREATE TABLE payments.receipt (
    lot_id bigint NOT NULL,
    receipt_no text NOT NULL,
    operator_id bigint NOT NULL,
    channel text NOT NULL,
    order_no text NOT NULL,
    amount_fen bigint NOT NULL,
    paid_at timestamptz NOT NULL,
    attempt_no text NOT NULL,
    told_by text NOT NULL,
    told_at timestamptz NOT NULL,
    CONSTRAINT receipt_key PRIMARY KEY (lot_id, receipt_no),
    CONSTRAINT receipt_channel CHECK (channel IN ('cash', 'pos')),
    CONSTRAINT receipt_amount CHECK (amount_fen > 0)
);
CALL access.protect('payments.receipt');
GRANT SELECT, INSERT ON payments.receipt TO onepark_service;
GRANT SELECT ON payments.receipt TO onepark_staff;

-- migrate:down
-- A step back is a new migration forward.
