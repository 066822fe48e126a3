-- What stands before the first block runs before every block.
CREATE FUNCTION pg_temp.a_fact(changes jsonb) RETURNS bigint
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO payments.outbox (aggregate, fact, payload, ruled_by, ruling)
    SELECT aggregate, fact, payload, ruled_by, ruling
    FROM jsonb_populate_record(NULL::payments.outbox, jsonb_build_object(
        'aggregate', 'o', 'fact', 'f', 'payload', '{}') || changes)
    RETURNING id;
END;

CREATE FUNCTION pg_temp.an_endpoint(changes jsonb) RETURNS bigint
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO webhooks.endpoint (operator_id, url, facts, created_at, created_by)
    SELECT operator_id, url, facts, now(), 'check'
    FROM jsonb_populate_record(NULL::webhooks.endpoint, jsonb_build_object(
        'operator_id', 1, 'url', 'https://x.cn/', 'facts', ARRAY['f']) || changes)
    RETURNING endpoint_id;
END;

CREATE FUNCTION pg_temp.a_delivery(endpoint bigint, changes jsonb) RETURNS bigint
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO webhooks.delivery
        (endpoint_id, operator_id, message_id, aggregate, fact, payload, ruled_by, ruling)
    SELECT endpoint, 1, 'm', 'o', 'f', '{}', ruled_by, ruling
    FROM jsonb_populate_record(NULL::webhooks.delivery, changes)
    RETURNING id;
END;

CREATE FUNCTION pg_temp.a_run(changes jsonb) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO jobs.run (name, run_key, due_at, state, ended_at)
    SELECT name, run_key, now(), state, ended_at
    FROM jsonb_populate_record(NULL::jobs.run, jsonb_build_object(
        'name', 'check', 'run_key', 'k', 'state', 'due') || changes);
END;

-- proves: CONSTRAINT payments.outbox.outbox_ruling
DO $$
BEGIN
    PERFORM pg_temp.a_fact('{"ruling": "forgotten", "ruled_by": "li"}');
    RAISE EXCEPTION 'a fact was ruled on in a way that nobody knows';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT webhooks.endpoint.endpoint_facts
DO $$
BEGIN
    PERFORM pg_temp.an_endpoint('{"facts": []}');
    RAISE EXCEPTION 'an endpoint hears of nothing';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: INDEX webhooks.endpoint_once
DO $$
BEGIN
    PERFORM pg_temp.an_endpoint('{}'), pg_temp.an_endpoint('{}');
    RAISE EXCEPTION 'an operator is told twice at one URL';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT webhooks.secret.secret_endpoint
DO $$
BEGIN
    INSERT INTO webhooks.secret (endpoint_id, operator_id, sealed, not_before)
    VALUES (-1, 1, '', now());
    RAISE EXCEPTION 'a key is of no endpoint';
EXCEPTION WHEN foreign_key_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT webhooks.delivery.delivery_endpoint
DO $$
BEGIN
    PERFORM pg_temp.a_delivery(-1, '{}');
    RAISE EXCEPTION 'a message goes nowhere';
EXCEPTION WHEN foreign_key_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT webhooks.delivery.delivery_ruling
DO $$
BEGIN
    PERFORM pg_temp.a_delivery(pg_temp.an_endpoint('{}'), '{"ruling": "skipped"}');
    RAISE EXCEPTION 'nobody gave a message up';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: INDEX webhooks.delivery_once
DO $$
DECLARE endpoint bigint := pg_temp.an_endpoint('{}');
BEGIN
    PERFORM pg_temp.a_delivery(endpoint, '{}'), pg_temp.a_delivery(endpoint, '{}');
    RAISE EXCEPTION 'an endpoint is told one thing twice';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT jobs.run.run_state
DO $$
BEGIN
    PERFORM pg_temp.a_run('{"state": "lost", "ended_at": "2026-05-01T00:00:00Z"}');
    RAISE EXCEPTION 'a run is in a state that nobody knows';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;

-- proves: CONSTRAINT jobs.run.run_ended
DO $$
BEGIN
    PERFORM pg_temp.a_run('{"state": "done"}');
    RAISE EXCEPTION 'a run was done and never ended';
EXCEPTION WHEN check_violation THEN
    NULL;
END $$;
