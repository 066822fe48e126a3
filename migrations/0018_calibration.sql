-- migrate:up
-- Why: a lot's own count is nearer to the truth than ours, so what citizens see must follow it: the raw
-- count plus its drift, by which the last snapshot and our passages differ. Drift is kept beside the
-- count, so that nothing is added to what every passage saves.
SET LOCAL lock_timeout = '2s';

CREATE TABLE vacancies.calibration (
    lot_id bigint NOT NULL,
    pool text NOT NULL,
    operator_id bigint NOT NULL,
    told bigint NOT NULL, -- how many snapshots spoke of this pool
    due_at timestamptz NOT NULL, -- from when on the last valid snapshot may be another one
    snapshot_at timestamptz, -- its whole second; NULL: none is valid
    drift bigint,
    counted_n bigint, -- the version of the count that it was compared with
    calibrated_at timestamptz NOT NULL DEFAULT '-infinity',
    n bigint NOT NULL DEFAULT 0, -- the second half of the version of what is shown
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT calibration_key PRIMARY KEY (lot_id, pool),
    CONSTRAINT calibration_whole CHECK ((drift IS NULL) = (snapshot_at IS NULL))
) WITH (fillfactor = 50);
CALL access.protect('vacancies.calibration');
GRANT SELECT, INSERT, UPDATE ON vacancies.calibration TO onepark_service;
GRANT SELECT ON vacancies.calibration TO onepark_staff;

-- taken_at is when it was; what the device's clock showed, if that was known to be wrong, stands here.
ALTER TABLE vacancies.snapshot ADD COLUMN shown_at timestamptz;

-- What lots have said before now is looked at once.
INSERT INTO vacancies.calibration (lot_id, pool, operator_id, told, due_at)
SELECT lot_id, pool, min(operator_id), count(*), now()
FROM vacancies.snapshot CROSS JOIN LATERAL jsonb_object_keys(occupied) AS told (pool)
GROUP BY lot_id, pool;

-- The cars that left after a snapshot. An open stay is not in it; one that ends, once.
-- squawk-ignore require-concurrent-index-creation  -- no city runs this yet: the table is small
CREATE INDEX stay_by_exit ON stays.stay (lot_id, exited_at) WHERE exited_at IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation  -- as above
CREATE INDEX stay_unseen_exit ON stays.stay (lot_id, car_key, entered_at)
    WHERE state = 'exit_missing' AND exited_at IS NULL;

-- Visits whose exit nobody saw, each with the moment at which its car was seen next: where
-- pub_visit lets them end. It is asked by that moment: of each car that was seen, the last such visit
-- before is looked for, and counts if it was not seen in between.
CREATE VIEW stays.pub_unseen_exit WITH (security_invoker = true) AS
    SELECT
        seen.lot_id, unseen.operator_id, unseen.stay_id, unseen.pool, unseen.entered_at,
        seen.seen_at
    FROM (
        SELECT lot_id, car_key, entered_at AS seen_at
        FROM stays.stay WHERE entered_at IS NOT NULL AND state <> 'void'
        UNION ALL
        SELECT lot_id, car_key, exited_at
        FROM stays.stay WHERE entered_at IS NULL AND exited_at IS NOT NULL AND state <> 'void'
    ) AS seen
    CROSS JOIN LATERAL (
        SELECT operator_id, stay_id, pool, entered_at FROM stays.stay
        WHERE lot_id = seen.lot_id AND car_key = seen.car_key AND entered_at < seen.seen_at
            AND state = 'exit_missing' AND exited_at IS NULL
        ORDER BY entered_at DESC
        FETCH FIRST ROW WITH TIES
    ) AS unseen
    WHERE seen.seen_at = (
        SELECT min(coalesce(later.entered_at, later.exited_at))
        FROM stays.stay AS later
        WHERE later.lot_id = seen.lot_id AND later.car_key = seen.car_key
            AND later.state <> 'void'
            AND coalesce(later.entered_at, later.exited_at) > unseen.entered_at);
GRANT SELECT ON stays.pub_unseen_exit TO onepark_service;

CREATE VIEW stays.pub_incarnation WITH (security_invoker = true) AS
    SELECT number FROM stays.incarnation;
GRANT SELECT ON stays.pub_incarnation TO onepark_service;

-- migrate:down
-- A step back is a new migration forward.
