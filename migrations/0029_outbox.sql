-- migrate:up
-- Why: a fact must reach whoever acts on it at least once, in the order of what it is of, and one
-- that nobody can use must wait for a person without holding the others up. What may be lost from
-- the queue in Redis, scheduled work, is found again in a table as well.
SET LOCAL lock_timeout = '2s';

-- Facts that are handed on. Those that only the stays themselves read, of cars that came and left,
-- fill none of these and stand in none of the indexes: the path of passages writes what it wrote.
ALTER TABLE stays.outbox
    ADD COLUMN aggregate text, -- whose facts keep their order
    ADD COLUMN tries integer NOT NULL DEFAULT 0,
    ADD COLUMN next_try_at timestamptz, -- NULL: at once
    ADD COLUMN trouble text,
    ADD COLUMN delivered_at timestamptz,
    ADD COLUMN dead_at timestamptz, -- since when it waits for a person
    ADD COLUMN ruled_by text,
    ADD COLUMN ruling text;
-- squawk-ignore require-concurrent-index-creation  -- no city runs this yet: the table is small
CREATE INDEX outbox_to_hand_on ON stays.outbox (id)
    WHERE delivered_at IS NULL AND fact NOT IN ('stays.entered.v1', 'stays.left.v1');
-- squawk-ignore require-concurrent-index-creation  -- as above
CREATE INDEX outbox_of_aggregate ON stays.outbox (aggregate, id)
    WHERE delivered_at IS NULL AND aggregate IS NOT NULL;

CREATE TABLE payments.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY,
    aggregate text NOT NULL, -- the attempt
    fact text NOT NULL,
    payload text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    tries integer NOT NULL DEFAULT 0,
    next_try_at timestamptz,
    trouble text,
    delivered_at timestamptz,
    dead_at timestamptz,
    ruled_by text,
    ruling text,
    CONSTRAINT outbox_key PRIMARY KEY (id),
    CONSTRAINT outbox_ruling CHECK (
        ruling IN ('retried', 'skipped') AND (ruling IS NULL) = (ruled_by IS NULL))
);
CREATE INDEX outbox_to_hand_on ON payments.outbox (id) WHERE delivered_at IS NULL;
CREATE INDEX outbox_of_aggregate ON payments.outbox (aggregate, id) WHERE delivered_at IS NULL;
CREATE INDEX outbox_delivered ON payments.outbox (delivered_at) WHERE delivered_at IS NOT NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON payments.outbox TO onepark_service;

-- Work of some length that has a calendar or that somebody asked for. The queue in Redis says who
-- does it next; this says what is due, and who has it.
CREATE SCHEMA jobs;
GRANT USAGE ON SCHEMA jobs TO onepark_service;
CREATE TABLE jobs.run (
    name text NOT NULL,
    run_key text NOT NULL, -- which of them: the time of the calendar, or what was asked for
    due_at timestamptz NOT NULL,
    asked_by text, -- NULL: the calendar
    state text NOT NULL DEFAULT 'due',
    tries integer NOT NULL DEFAULT 0,
    next_try_at timestamptz, -- NULL: at once
    held_until_at timestamptz, -- somebody does it
    began_at timestamptz,
    ended_at timestamptz,
    trouble text,
    CONSTRAINT run_once PRIMARY KEY (name, run_key),
    CONSTRAINT run_state CHECK (state IN ('due', 'done', 'failed')),
    CONSTRAINT run_ended CHECK ((state = 'due') = (ended_at IS NULL))
);
CREATE INDEX run_due ON jobs.run (due_at) WHERE state = 'due';
CREATE INDEX run_done ON jobs.run (ended_at) WHERE state = 'done';
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs.run TO onepark_service;

-- Operators hear of what they were paid.
CREATE SCHEMA webhooks;
GRANT USAGE ON SCHEMA webhooks TO onepark_service, onepark_staff;

CREATE TABLE webhooks.endpoint (
    endpoint_id bigint GENERATED ALWAYS AS IDENTITY,
    operator_id bigint NOT NULL,
    url text NOT NULL,
    facts text[] NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    ended_at timestamptz,
    CONSTRAINT endpoint_key PRIMARY KEY (endpoint_id),
    CONSTRAINT endpoint_facts CHECK (cardinality(facts) > 0)
);
CREATE UNIQUE INDEX endpoint_once ON webhooks.endpoint (operator_id, url) WHERE ended_at IS NULL;

CREATE TABLE webhooks.secret (
    secret_id bigint GENERATED ALWAYS AS IDENTITY,
    endpoint_id bigint NOT NULL,
    operator_id bigint NOT NULL,
    sealed bytea NOT NULL,
    not_before timestamptz NOT NULL,
    not_after timestamptz,
    CONSTRAINT secret_key PRIMARY KEY (secret_id),
    CONSTRAINT secret_endpoint FOREIGN KEY (endpoint_id) REFERENCES webhooks.endpoint
);
CREATE INDEX secret_of_endpoint ON webhooks.secret (endpoint_id, not_before);

-- One fact for one endpoint, once: the inbox of what payments say, and the outbox to the operator.
CREATE TABLE webhooks.delivery (
    id bigint GENERATED ALWAYS AS IDENTITY,
    endpoint_id bigint NOT NULL,
    operator_id bigint NOT NULL,
    message_id text NOT NULL,
    aggregate text NOT NULL,
    fact text NOT NULL,
    payload text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    tries integer NOT NULL DEFAULT 0,
    next_try_at timestamptz,
    trouble text,
    delivered_at timestamptz,
    dead_at timestamptz,
    ruled_by text,
    ruling text,
    CONSTRAINT delivery_key PRIMARY KEY (id),
    CONSTRAINT delivery_endpoint FOREIGN KEY (endpoint_id) REFERENCES webhooks.endpoint,
    CONSTRAINT delivery_ruling CHECK (
        ruling IN ('retried', 'skipped') AND (ruling IS NULL) = (ruled_by IS NULL))
);
CREATE UNIQUE INDEX delivery_once ON webhooks.delivery (endpoint_id, message_id);
CREATE INDEX delivery_to_send ON webhooks.delivery (id) WHERE delivered_at IS NULL;
CREATE INDEX delivery_of_aggregate ON webhooks.delivery (aggregate, id) WHERE delivered_at IS NULL;
CREATE INDEX delivery_done ON webhooks.delivery (delivered_at) WHERE delivered_at IS NOT NULL;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['endpoint', 'secret', 'delivery'] LOOP
        EXECUTE format('CALL access.protect(%L)', 'webhooks.' || name);
    END LOOP;
END $$;

GRANT SELECT ON webhooks.endpoint, webhooks.secret TO onepark_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks.delivery TO onepark_service;
GRANT SELECT, INSERT, UPDATE (ended_at) ON webhooks.endpoint TO onepark_staff;
GRANT SELECT (secret_id, endpoint_id, operator_id, not_before, not_after), INSERT, UPDATE (not_after)
    ON webhooks.secret TO onepark_staff; -- to rotate a key is not to read one
GRANT SELECT, UPDATE (tries, next_try_at, delivered_at, dead_at, ruled_by, ruling)
    ON webhooks.delivery TO onepark_staff;

-- migrate:down
-- A step back is a new migration forward.
