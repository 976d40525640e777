-- Results of benchmarks that runners were asked for; only the last ones of each runner, and they go with it.
CREATE TABLE benchmarks (
    id             TEXT PRIMARY KEY,
    runner_id      TEXT NOT NULL,
    measured_at    INTEGER NOT NULL,
    findings_json  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX benchmarks_of_runner ON benchmarks (runner_id, measured_at);

CREATE TRIGGER runner_is_forgotten_with_its_benchmarks AFTER DELETE ON runners
BEGIN
    DELETE FROM benchmarks WHERE runner_id = OLD.id;
END;
