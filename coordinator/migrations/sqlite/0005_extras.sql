-- What was submitted beside the source: a picture and the like, as JSON.
ALTER TABLE jobs ADD COLUMN extras_json TEXT NOT NULL DEFAULT '{}';
