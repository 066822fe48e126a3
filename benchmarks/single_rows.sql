-- What one passage writes, a row a statement, in one transaction: the peer of D1 to D3.
-- First half of a client's transactions: entries of new cars; second half: their exits.
-- Given from outside: n = 0, half, base (a number that no run before has used).
\set n :n + 1
\if :n <= :half
\set car :base + :client_id * :half + :n
\set lot :car % 1000 + 1
BEGIN;
INSERT INTO stays.claim (lot_id, device_id, passage_id, fingerprint, answer)
VALUES (:lot, 'single-row-entry-cam', 'entry-' || :car, decode(md5(:car::text), 'hex'),
    '{"decision":{"type":"none"},"stay_id":1234567890,"order_no":"P0000001ABCDEFGHIJKLMNOPQRSTUVWX"}');
INSERT INTO stays.car (lot_id, car_key, operator_id, open_stay_id)
VALUES (:lot, '苏B' || :car || '/blue', 1, :car)
ON CONFLICT (lot_id, car_key) DO UPDATE SET open_stay_id = excluded.open_stay_id;
INSERT INTO stays.stay (lot_id, stay_id, operator_id, car_key, plate, plate_color, vehicle, pool,
    plan_id, state, marks, entered_at, entry_lane, exit_derived)
VALUES (:lot, :car, 1, '苏B' || :car || '/blue', '苏B' || :car, 'blue', 'small', 'short_stay',
    1, 'open', '{}', now() - interval '2 hours', '320281001201-E1', false);
INSERT INTO stays.stay_order (lot_id, order_no, stay_id, operator_id, car_key, plate, state,
    opened_at, paid_fen, written_off_fen, refund_due_fen, settled)
VALUES (:lot, 'P' || md5(:car::text), :car, 1, '苏B' || :car || '/blue', '苏B' || :car, 'open',
    now() - interval '2 hours', 0, 0, 0, false);
INSERT INTO stays.passage (lot_id, device_id, passage_id, operator_id, received_at, seen_at, kind,
    lane, car_key, plate_raw, plate_color, vehicle, state, stay_id)
VALUES (:lot, 'single-row-entry-cam', 'entry-' || :car, 1, now(), now() - interval '2 hours',
    'entry', '320281001201-E1', '苏B' || :car || '/blue', '苏B' || :car, 'blue', 'small',
    'folded', :car);
INSERT INTO stays.outbox (fact, payload) VALUES ('stays.entered.v1',
    '{"lot_id":1234,"stay_id":1234567890,"entered_at":"2026-01-01T00:00:00Z"}');
INSERT INTO stays.count AS count (lot_id, pool, operator_id, n, occupied)
VALUES (:lot, 'short_stay', 1, 1, 1)
ON CONFLICT (lot_id, pool) DO UPDATE SET
    n = count.n + 1, occupied = count.occupied + 1, changed_at = now();
END;
\else
\set car :base + :client_id * :half + :n - :half
\set lot :car % 1000 + 1
BEGIN;
INSERT INTO stays.claim (lot_id, device_id, passage_id, fingerprint, answer)
VALUES (:lot, 'single-row-exit-cam', 'exit-' || :car, decode(md5(:car::text), 'hex'),
    '{"decision":{"type":"none"},"stay_id":1234567890,"order_no":"P0000001ABCDEFGHIJKLMNOPQRSTUVWX"}');
UPDATE stays.car SET open_stay_id = NULL, last_stay_id = :car
WHERE lot_id = :lot AND car_key = '苏B' || :car || '/blue';
UPDATE stays.stay SET state = 'closed', exited_at = now(), exit_lane = '320281001201-X1'
WHERE lot_id = :lot AND stay_id = :car;
UPDATE stays.stay_order SET fee_fen = 600, owed_fen = 600
WHERE lot_id = :lot AND order_no = 'P' || md5(:car::text);
INSERT INTO stays.passage (lot_id, device_id, passage_id, operator_id, received_at, seen_at, kind,
    lane, car_key, plate_raw, plate_color, vehicle, state, stay_id)
VALUES (:lot, 'single-row-exit-cam', 'exit-' || :car, 1, now(), now(), 'exit', '320281001201-X1',
    '苏B' || :car || '/blue', '苏B' || :car, 'blue', 'small', 'folded', :car);
INSERT INTO stays.outbox (fact, payload) VALUES ('stays.left.v1',
    '{"lot_id":1234,"stay_id":1234567890,"order_no":"P0000001ABCDEFGHIJKLMNOPQRSTUVWX","exited_at":"2026-01-01T00:00:00Z","fee_fen":600,"owed_fen":600}');
INSERT INTO stays.count AS count (lot_id, pool, operator_id, n, occupied)
VALUES (:lot, 'short_stay', 1, 1, -1)
ON CONFLICT (lot_id, pool) DO UPDATE SET
    n = count.n + 1, occupied = count.occupied - 1, changed_at = now();
END;
\endif
