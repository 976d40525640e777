-- Times are milliseconds since the Unix epoch. States and classes are the words of the domain (`as_str`).
-- Columns named *_json hold what only Rust code reads; what queries look at has a column of its own. Objects
-- are s3://bucket/key.

CREATE TABLE tokens (
    id          TEXT PRIMARY KEY,
    digest      TEXT NOT NULL UNIQUE,
    note        TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    uses_left   INTEGER NOT NULL CHECK (uses_left >= 0)
) STRICT;

CREATE TABLE runners (
    id                 TEXT PRIMARY KEY,
    name               TEXT NOT NULL,
    secret_digest      TEXT NOT NULL,
    capabilities_json  TEXT NOT NULL,
    joined_at          INTEGER NOT NULL,
    last_seen_at       INTEGER,
    draining           INTEGER NOT NULL DEFAULT 0,
    strikes            INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE jobs (
    id                  TEXT PRIMARY KEY,
    source              TEXT NOT NULL,
    source_object       TEXT NOT NULL,
    source_bytes        INTEGER NOT NULL,
    source_is_ours      INTEGER NOT NULL,
    profile             TEXT NOT NULL,
    profile_json        TEXT NOT NULL,
    destination         TEXT NOT NULL,
    chunk_seconds       INTEGER,
    priority            INTEGER NOT NULL,
    idempotency_key     TEXT UNIQUE,
    state               TEXT NOT NULL,
    failure_json        TEXT,
    created_at          INTEGER NOT NULL,
    ended_at            INTEGER
) STRICT;

CREATE INDEX jobs_by_age ON jobs (created_at, id);
CREATE INDEX jobs_by_state ON jobs (state, created_at, id);
CREATE INDEX jobs_by_destination ON jobs (destination);

-- Plans are large and rarely read: apart from their jobs.
CREATE TABLE plans (
    job_id     TEXT PRIMARY KEY REFERENCES jobs (id),
    plan_json  TEXT NOT NULL
) STRICT;

-- The fingerprint that every task of a job must be encoded with, per encoder: chunks must join byte for byte.
CREATE TABLE pins (
    job_id       TEXT NOT NULL REFERENCES jobs (id),
    encoder      TEXT NOT NULL,
    fingerprint  TEXT NOT NULL,
    PRIMARY KEY (job_id, encoder)
) STRICT, WITHOUT ROWID;

-- `priority` and `job_created_at` repeat the job's, which never change: a claim reads one index in its own
-- order. Attempts up to `forgiven_epoch` are forgotten by the retry rule: somebody has retried the job since.
CREATE TABLE tasks (
    id              TEXT PRIMARY KEY,
    job_id          TEXT NOT NULL REFERENCES jobs (id),
    position        INTEGER NOT NULL,
    priority        INTEGER NOT NULL,
    job_created_at  INTEGER NOT NULL,
    kind_json       TEXT NOT NULL,
    encoders_json   TEXT NOT NULL,
    size            INTEGER NOT NULL,
    state           TEXT NOT NULL,
    epoch           INTEGER NOT NULL DEFAULT 0,
    forgiven_epoch  INTEGER NOT NULL DEFAULT 0,
    ready_at        INTEGER,
    done_at         INTEGER,
    UNIQUE (job_id, position)
) STRICT;

CREATE INDEX tasks_ready ON tasks (priority, job_created_at, job_id, position) WHERE state = 'ready';
CREATE INDEX tasks_open ON tasks (job_id) WHERE state <> 'done';

CREATE TABLE task_dependencies (
    task_id     TEXT NOT NULL REFERENCES tasks (id),
    depends_on  TEXT NOT NULL REFERENCES tasks (id),
    PRIMARY KEY (task_id, depends_on)
) STRICT, WITHOUT ROWID;

CREATE INDEX task_dependents ON task_dependencies (depends_on);

-- No reference to runners: what a forgotten runner did stays on record.
CREATE TABLE attempts (
    id             TEXT PRIMARY KEY,
    task_id        TEXT NOT NULL REFERENCES tasks (id),
    runner_id      TEXT NOT NULL,
    session_id     TEXT NOT NULL,
    token          TEXT NOT NULL,
    epoch          INTEGER NOT NULL,
    state          TEXT NOT NULL,
    leased_at      INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    ended_at       INTEGER,
    progress       INTEGER NOT NULL DEFAULT 0,
    failure_class  TEXT,
    failure_json   TEXT,
    usage_json     TEXT,
    UNIQUE (task_id, epoch)
) STRICT;

-- The database itself refuses a second live or winning attempt of a task.
CREATE UNIQUE INDEX attempts_one_standing ON attempts (task_id) WHERE state IN ('leased', 'accepted', 'sealed');
CREATE INDEX attempts_by_runner ON attempts (runner_id, leased_at) WHERE state = 'leased';
CREATE INDEX attempts_by_expiry ON attempts (expires_at) WHERE state = 'leased';
CREATE INDEX attempts_sealing ON attempts (id) WHERE state = 'accepted';

-- What the accepted attempt of a task brought back: large, so apart from the task.
CREATE TABLE results (
    task_id       TEXT PRIMARY KEY REFERENCES tasks (id),
    outcome_json  TEXT NOT NULL,
    objects_json  TEXT NOT NULL
) STRICT;

-- `unwanted` is set once and for ever when nobody needs the upload (or the object that it became) any more.
CREATE TABLE uploads (
    attempt_id    TEXT NOT NULL REFERENCES attempts (id),
    output_index  INTEGER NOT NULL,
    object        TEXT NOT NULL,
    upload_id     TEXT NOT NULL,
    scratch       INTEGER NOT NULL,
    accepted      INTEGER NOT NULL DEFAULT 0,
    unwanted      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (attempt_id, output_index)
) STRICT;

CREATE INDEX uploads_unwanted ON uploads (attempt_id) WHERE unwanted = 1;
CREATE INDEX uploads_by_object ON uploads (object) WHERE accepted = 1;
