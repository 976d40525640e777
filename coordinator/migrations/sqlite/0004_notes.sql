-- What links to instances must not forget: small JSON texts, each under its kind and key.
CREATE TABLE notes (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
