-- Jobs that are shown while they are being encoded; `early_until`: when what was shown early may go, once the job is
-- published.
ALTER TABLE jobs ADD COLUMN progressive_publish INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN early_until INTEGER;

CREATE INDEX jobs_shown_early ON jobs (state) WHERE progressive_publish = 1;
CREATE INDEX jobs_early_until ON jobs (early_until) WHERE early_until IS NOT NULL;

-- What the coordinator may join itself.
CREATE INDEX tasks_to_join ON tasks (job_id, position) WHERE state = 'ready' AND encoders_json = '["object-copy"]';

-- A ready task that is left to runners after all changes its place in the queue.
CREATE TRIGGER task_changes_needs AFTER UPDATE OF encoders_json ON tasks
WHEN NEW.state = 'ready' AND OLD.state = 'ready' AND NEW.encoders_json <> OLD.encoders_json
BEGIN
    UPDATE queue SET ready_count = ready_count - 1, ready_ms = ready_ms - OLD.cost_ms
        WHERE job_id = OLD.job_id AND encoders_json = OLD.encoders_json;
    DELETE FROM queue WHERE job_id = OLD.job_id AND encoders_json = OLD.encoders_json AND ready_count = 0;
    INSERT INTO queue
        SELECT NEW.job_id, NEW.encoders_json,
            (SELECT json_group_object(e.value, p.fingerprint) FROM json_each(NEW.encoders_json) e
                LEFT JOIN pins p ON p.job_id = NEW.job_id AND p.encoder = e.value),
            j.priority, j.tenant, j.created_at + l.left_ms, 1, NEW.cost_ms
        FROM jobs j JOIN job_loads l ON l.job_id = j.id WHERE j.id = NEW.job_id
        ON CONFLICT DO UPDATE SET ready_count = ready_count + 1, ready_ms = ready_ms + excluded.ready_ms;
END;
