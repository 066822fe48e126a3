-- migrate:up
-- Why: a paid order must open the one lane where its car waits, and a device must be able to ask
-- for its commands again after it was cut off.
SET LOCAL lock_timeout = '2s';

CREATE SCHEMA gate;
GRANT USAGE ON SCHEMA gate TO onepark_service, onepark_staff;

CREATE TABLE gate.command (
    command_id bigint GENERATED ALWAYS AS IDENTITY,
    lot_id bigint NOT NULL,
    operator_id bigint NOT NULL,
    device_id text NOT NULL,
    lane text NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    passage_id text NOT NULL,
    plate text NOT NULL,
    car_key text NOT NULL,
    order_no text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    acked_at timestamptz,
    result text,
    CONSTRAINT command_key PRIMARY KEY (command_id),
    CONSTRAINT command_kind CHECK (kind IN ('open')),
    CONSTRAINT command_once UNIQUE (device_id, passage_id, kind),
    CONSTRAINT command_expires CHECK (expires_at > created_at),
    CONSTRAINT command_acked CHECK ((acked_at IS NULL) = (result IS NULL)),
    CONSTRAINT command_result CHECK (result IN ('done', 'failed', 'expired'))
);
CREATE INDEX command_waiting ON gate.command (device_id, command_id) WHERE acked_at IS NULL;

CREATE TABLE gate.device_status (
    lot_id bigint NOT NULL,
    device_id text NOT NULL,
    operator_id bigint NOT NULL,
    heard_at timestamptz NOT NULL,
    clock_offset_ms bigint,
    status text,
    CONSTRAINT device_status_key PRIMARY KEY (lot_id, device_id)
) WITH (fillfactor = 50);

CALL access.protect('gate.command');
CALL access.protect('gate.device_status');

GRANT SELECT, INSERT, UPDATE, DELETE ON gate.command TO onepark_service;
GRANT SELECT, INSERT, UPDATE ON gate.device_status TO onepark_service;
GRANT SELECT ON gate.command, gate.device_status TO onepark_staff;

-- migrate:down
-- Forward only: a mistake is mended by the next migration.
