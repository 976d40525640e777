-- Jobs that are shown while they are being encoded; `early_until`: when what was shown early may go, once the job is
-- published.
ALTER TABLE jobs ADD COLUMN progressive_publish INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN early_until INTEGER;

CREATE INDEX jobs_shown_early ON jobs (state) WHERE progressive_publish = 1;
CREATE INDEX jobs_early_until ON jobs (early_until) WHERE early_until IS NOT NULL;

-- What the coordinator may join itself.
CREATE INDEX tasks_to_join ON tasks (job_id, position) WHERE state = 'ready' AND encoders_json = '["object-copy"]';
