-- migrate:up
-- Why: what a lot held at any past instant is asked of its stays, and a lot's own counts, which show
-- by how much ours have drifted, must be kept as they were said.
SET LOCAL lock_timeout = '2s';

-- A span of time meets two kinds of stays: those that began in it or up to 31 days before, and the
-- few that began earlier and are still inside, were never seen to leave, or stayed longer than that.
-- squawk-ignore require-concurrent-index-creation  -- no city runs this yet: the table is small
CREATE INDEX stay_by_entry ON stays.stay (lot_id, entered_at);
-- squawk-ignore require-concurrent-index-creation  -- as above
CREATE INDEX stay_long ON stays.stay (lot_id, entered_at)
    WHERE exited_at IS NULL OR exited_at - entered_at > interval '31 days';

-- When each car was inside, never who it was. A stay whose exit nobody saw ends, at the latest, when
-- its car is seen next; one whose entry nobody saw was never counted in.
CREATE VIEW stays.pub_visit WITH (security_invoker = true) AS
    SELECT
        s.lot_id, s.operator_id, s.pool, s.state, s.entered_at, s.exited_at,
        CASE s.state
            WHEN 'exit_missing' THEN coalesce((
                SELECT min(coalesce(later.entered_at, later.exited_at))
                FROM stays.stay AS later
                WHERE later.lot_id = s.lot_id AND later.car_key = s.car_key
                    AND coalesce(later.entered_at, later.exited_at) > s.entered_at), s.entered_at)
            ELSE s.exited_at
        END AS left_at,
        o.fee_fen > 0 AS charged
    FROM stays.stay AS s
    LEFT JOIN stays.stay_order AS o ON o.lot_id = s.lot_id AND o.stay_id = s.stay_id
    WHERE s.entered_at IS NOT NULL;
GRANT SELECT ON stays.pub_visit TO onepark_service, onepark_staff;

CREATE SCHEMA vacancies;
GRANT USAGE ON SCHEMA vacancies TO onepark_service, onepark_staff;

-- What a lot says that it holds. It is evidence: a later count is a new row.
CREATE TABLE vacancies.snapshot (
    lot_id bigint NOT NULL,
    device_id text NOT NULL,
    snapshot_id text NOT NULL,
    operator_id bigint NOT NULL,
    taken_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    fingerprint bytea NOT NULL,
    occupied jsonb NOT NULL,  -- pool → cars
    CONSTRAINT snapshot_key PRIMARY KEY (lot_id, device_id, snapshot_id),
    CONSTRAINT snapshot_counts CHECK (jsonb_typeof(occupied) = 'object' AND occupied <> '{}')
);
CREATE INDEX snapshot_by_time ON vacancies.snapshot (lot_id, taken_at, received_at);
CALL access.protect('vacancies.snapshot');
CREATE TRIGGER snapshot_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON vacancies.snapshot
    FOR EACH STATEMENT EXECUTE FUNCTION access.refuse_change();
GRANT SELECT, INSERT ON vacancies.snapshot TO onepark_service;
GRANT SELECT ON vacancies.snapshot TO onepark_staff;

CREATE VIEW vacancies.pub_snapshot WITH (security_invoker = true) AS
    SELECT lot_id, operator_id, device_id, taken_at, received_at, occupied
    FROM vacancies.snapshot;
GRANT SELECT ON vacancies.pub_snapshot TO onepark_service, onepark_staff;

-- migrate:down
-- A step back is a new migration forward.
