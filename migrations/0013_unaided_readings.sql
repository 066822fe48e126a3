-- migrate:up
-- Why: a camera shows how it misreads with every exit that finds its car by itself, not only where a
-- person had to decide; those are the most, and nobody has to work for them.
SET LOCAL lock_timeout = '2s';

-- Where nobody decided, the stay that left by the exit stands in place of the task.
-- squawk-ignore ban-drop-not-null  -- who reads it joins no task
ALTER TABLE stays.reading ALTER COLUMN task_id DROP NOT NULL;
ALTER TABLE stays.reading ADD COLUMN stay_id bigint;
ALTER TABLE stays.reading ADD CONSTRAINT reading_source
    CHECK (num_nonnulls(task_id, stay_id) = 1) NOT VALID;  -- every row so far has a task
-- Who asks at a barrier and then drives off was read twice in one visit.
-- squawk-ignore require-concurrent-index-creation  -- readings are few
CREATE UNIQUE INDEX reading_of_stay ON stays.reading (lot_id, stay_id) WHERE stay_id IS NOT NULL;

-- Few passages are in it: exits that were taken for a car of another plate.
-- squawk-ignore require-concurrent-index-creation  -- a partitioned table cannot; no city runs this yet
CREATE INDEX passage_misread ON stays.passage (received_at) WHERE state = 'misread_exit';

GRANT INSERT ON stays.reading TO onepark_service;

-- migrate:down
-- A step back is a new migration forward.
