-- proves: CONSTRAINT stays.sequence.sequence_key
DO $$
BEGIN
    INSERT INTO stays.sequence (lot_id, device_id, epoch, operator_id, received, reused)
    VALUES (1, 'd', 1, 1, '{[1,2)}', 0), (1, 'd', 1, 1, '{[2,3)}', 0);
    RAISE EXCEPTION 'an epoch of a device has two counts';
EXCEPTION WHEN unique_violation THEN
    NULL;
END $$;
