-- Scheduling by measured speed. Expected work is told in pixels and in milliseconds of an ordinary slot; see
-- `domain/work.rs` and `domain/dispatch`. All of it is estimates: whatever is wrong here costs time, never a byte.

ALTER TABLE jobs ADD COLUMN tenant TEXT NOT NULL DEFAULT 'default';

-- A claim no longer reads one queue of tasks: it finds the job first (`queue`), then the task.
DROP INDEX tasks_ready;
ALTER TABLE tasks DROP COLUMN priority;
ALTER TABLE tasks DROP COLUMN job_created_at;
ALTER TABLE tasks ADD COLUMN class TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN pixels INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN cost_ms INTEGER NOT NULL DEFAULT 0;
-- Higher is earlier within its job.
ALTER TABLE tasks ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;
-- Since when it has been left for a faster runner.
ALTER TABLE tasks ADD COLUMN left_since INTEGER;

-- Tasks of older versions: a frame of an ordinary ladder each.
UPDATE tasks SET class = 'unknown', pixels = size * 2000000, cost_ms = size * 50, rank = size * 50;

CREATE INDEX tasks_ready ON tasks (job_id, encoders_json, rank DESC, position) WHERE state = 'ready';

-- What is left of each job, milliseconds of an ordinary slot: the tasks that are not done, or a guess before there is
-- a plan. Apart from the jobs, whose rows are large.
CREATE TABLE job_loads (
    job_id   TEXT PRIMARY KEY REFERENCES jobs (id),
    left_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO job_loads SELECT j.id, coalesce((SELECT sum(cost_ms) FROM tasks WHERE job_id = j.id AND state <> 'done'), 0)
    FROM jobs j;

-- One row for each job and set of encoders with ready tasks. `needs_json` maps the encoders to the fingerprints that
-- the job is bound to, null where it is free: there are few different ones, so a claim decides once for each of them
-- what a runner can do. The triggers keep it exact, whoever moves a task.
CREATE TABLE queue (
    job_id         TEXT NOT NULL REFERENCES jobs (id),
    encoders_json  TEXT NOT NULL,
    needs_json     TEXT NOT NULL,
    priority       INTEGER NOT NULL,
    tenant         TEXT NOT NULL,
    due_at         INTEGER NOT NULL,
    ready_count    INTEGER NOT NULL,
    ready_ms       INTEGER NOT NULL,
    PRIMARY KEY (job_id, encoders_json)
) STRICT, WITHOUT ROWID;

CREATE INDEX queue_order ON queue (needs_json, priority, tenant, due_at, job_id, encoders_json);

INSERT INTO queue
    SELECT t.job_id, t.encoders_json,
        (SELECT json_group_object(e.value, p.fingerprint) FROM json_each(t.encoders_json) e
            LEFT JOIN pins p ON p.job_id = t.job_id AND p.encoder = e.value),
        j.priority, j.tenant, j.created_at + l.left_ms, count(*), sum(t.cost_ms)
    FROM tasks t JOIN jobs j ON j.id = t.job_id JOIN job_loads l ON l.job_id = t.job_id
    WHERE t.state = 'ready' GROUP BY t.job_id, t.encoders_json;

-- A ready task whose encoders change leaves its row and enters another.
CREATE TRIGGER task_gets_ready AFTER UPDATE OF state, encoders_json ON tasks
WHEN NEW.state = 'ready' AND (OLD.state <> 'ready' OR NEW.encoders_json <> OLD.encoders_json)
BEGIN
    INSERT INTO queue
        SELECT NEW.job_id, NEW.encoders_json,
            (SELECT json_group_object(e.value, p.fingerprint) FROM json_each(NEW.encoders_json) e
                LEFT JOIN pins p ON p.job_id = NEW.job_id AND p.encoder = e.value),
            j.priority, j.tenant, j.created_at + l.left_ms, 1, NEW.cost_ms
        FROM jobs j JOIN job_loads l ON l.job_id = j.id WHERE j.id = NEW.job_id
        ON CONFLICT DO UPDATE SET ready_count = ready_count + 1, ready_ms = ready_ms + excluded.ready_ms;
END;

CREATE TRIGGER task_leaves_ready AFTER UPDATE OF state, encoders_json ON tasks
WHEN OLD.state = 'ready' AND (NEW.state <> 'ready' OR NEW.encoders_json <> OLD.encoders_json)
BEGIN
    UPDATE queue SET ready_count = ready_count - 1, ready_ms = ready_ms - OLD.cost_ms
        WHERE job_id = OLD.job_id AND encoders_json = OLD.encoders_json;
    DELETE FROM queue WHERE job_id = OLD.job_id AND encoders_json = OLD.encoders_json AND ready_count = 0;
END;

CREATE TRIGGER task_adds_load AFTER INSERT ON tasks
BEGIN
    UPDATE job_loads SET left_ms = left_ms + NEW.cost_ms WHERE job_id = NEW.job_id;
END;

CREATE TRIGGER task_changes_load AFTER UPDATE OF state ON tasks WHEN (OLD.state = 'done') <> (NEW.state = 'done')
BEGIN
    UPDATE job_loads SET left_ms = left_ms + iif(NEW.state = 'done', -NEW.cost_ms, NEW.cost_ms)
        WHERE job_id = NEW.job_id;
END;

CREATE TRIGGER load_moves_due_date AFTER UPDATE OF left_ms ON job_loads
BEGIN
    UPDATE queue SET due_at = (SELECT created_at FROM jobs WHERE id = NEW.job_id) + NEW.left_ms
        WHERE job_id = NEW.job_id;
END;

CREATE TRIGGER pin_binds AFTER INSERT ON pins
BEGIN
    UPDATE queue SET needs_json = (SELECT json_group_object(e.value, p.fingerprint) FROM json_each(queue.encoders_json) e
        LEFT JOIN pins p ON p.job_id = queue.job_id AND p.encoder = e.value) WHERE job_id = NEW.job_id;
END;

CREATE TRIGGER pin_frees AFTER DELETE ON pins
BEGIN
    UPDATE queue SET needs_json = (SELECT json_group_object(e.value, p.fingerprint) FROM json_each(queue.encoders_json) e
        LEFT JOIN pins p ON p.job_id = queue.job_id AND p.encoder = e.value) WHERE job_id = OLD.job_id;
END;

-- Fair shares: finish tags of tenants, and the start tag served last, which is the fleet's virtual time.
CREATE TABLE tenants (
    name        TEXT PRIMARY KEY,
    finish_tag  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE virtual_time (
    only  INTEGER PRIMARY KEY CHECK (only = 1),
    tag   INTEGER NOT NULL
) STRICT;

INSERT INTO virtual_time VALUES (1, 0);

-- Measured means, pixels per second of one slot.
CREATE TABLE speeds (
    runner_id          TEXT NOT NULL,
    class              TEXT NOT NULL,
    pixels_per_second  REAL NOT NULL,
    measured_at        INTEGER NOT NULL,
    PRIMARY KEY (runner_id, class)
) STRICT, WITHOUT ROWID;

CREATE INDEX speeds_fastest ON speeds (class, pixels_per_second DESC);

CREATE TABLE fleet_speeds (
    class              TEXT PRIMARY KEY,
    pixels_per_second  REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER runner_is_forgotten AFTER DELETE ON runners
BEGIN
    DELETE FROM speeds WHERE runner_id = OLD.id;
END;

-- A task may have two attempts at a time, on two runners. Still exactly one wins: none is accepted while another is
-- accepted, sealed or running, so whoever accepts one must end the other first.
ALTER TABLE attempts ADD COLUMN copy INTEGER NOT NULL DEFAULT 0 CHECK (copy IN (0, 1));
ALTER TABLE attempts ADD COLUMN expected_ms INTEGER NOT NULL DEFAULT 0;
-- When it will end, as it looked at its last beat.
ALTER TABLE attempts ADD COLUMN ends_at INTEGER NOT NULL DEFAULT 0;

DROP INDEX attempts_one_standing;
CREATE UNIQUE INDEX attempts_one_winner ON attempts (task_id) WHERE state IN ('accepted', 'sealed');
CREATE UNIQUE INDEX attempts_two_running ON attempts (task_id, copy) WHERE state = 'leased';
CREATE UNIQUE INDEX attempts_apart ON attempts (task_id, runner_id) WHERE state = 'leased';
CREATE INDEX attempts_by_end ON attempts (ends_at) WHERE state = 'leased';

CREATE TRIGGER winner_stands_alone BEFORE UPDATE OF state ON attempts
WHEN NEW.state IN ('accepted', 'sealed') AND EXISTS (SELECT 1 FROM attempts o WHERE o.task_id = NEW.task_id
    AND o.id <> NEW.id AND o.state IN ('leased', 'accepted', 'sealed'))
BEGIN
    SELECT raise(ABORT, 'an attempt cannot win while another of its task stands');
END;

CREATE TRIGGER nobody_runs_beside_a_winner BEFORE INSERT ON attempts
WHEN NEW.state = 'leased' AND EXISTS (SELECT 1 FROM attempts o WHERE o.task_id = NEW.task_id
    AND o.state IN ('accepted', 'sealed'))
BEGIN
    SELECT raise(ABORT, 'a task that has a winner cannot be leased');
END;
