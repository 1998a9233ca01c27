-- Geocoding: four columns for what Nominatim answers. Coordinates are REAL: four bytes on PostgreSQL.
CREATE TABLE entries (
    id SERIAL PRIMARY KEY,
    text TEXT NOT NULL,
    createdAt TEXT NOT NULL,
    isFavorite INTEGER NOT NULL DEFAULT 0
);
ALTER TABLE entries ADD COLUMN nickname TEXT;
ALTER TABLE entries ADD COLUMN location TEXT;
ALTER TABLE entries ADD COLUMN cat_id INTEGER;
ALTER TABLE entries ADD COLUMN photo_url TEXT;
CREATE TABLE analyses (
    entry_id INTEGER PRIMARY KEY,
    text_hash TEXT NOT NULL,
    summary TEXT NOT NULL,
    tags_json TEXT NOT NULL,
    sentiment TEXT NOT NULL,
    createdAt TEXT NOT NULL,
    updatedAt TEXT NOT NULL,
    FOREIGN KEY(entry_id) REFERENCES entries(id) ON DELETE CASCADE
);
CREATE TABLE cats (
    id SERIAL PRIMARY KEY,
    name TEXT,
    createdAt TEXT NOT NULL
);
CREATE TABLE cat_insights (
    id SERIAL PRIMARY KEY,
    cat_id INTEGER NOT NULL,
    mode TEXT NOT NULL,
    prompt_version TEXT NOT NULL,
    context_hash TEXT NOT NULL,
    insight_json TEXT NOT NULL,
    createdAt TEXT NOT NULL,
    updatedAt TEXT NOT NULL,
    UNIQUE(cat_id, mode, prompt_version, context_hash),
    FOREIGN KEY(cat_id) REFERENCES cats(id) ON DELETE CASCADE
);
ALTER TABLE entries ADD COLUMN location_normalized TEXT;
ALTER TABLE entries ADD COLUMN location_lat REAL;
ALTER TABLE entries ADD COLUMN location_lon REAL;
ALTER TABLE entries ADD COLUMN location_osm_id TEXT;

INSERT INTO cats (id, name, createdAt) VALUES
    (3, NULL, '2026-02-01T08:00:00Z'),
    (4, 'Müsli', '2026-02-01T08:00:00.000001Z');
SELECT setval('cats_id_seq', 4, true);

INSERT INTO entries (id, text, createdAt, location, cat_id, location_normalized, location_lat, location_lon, location_osm_id) VALUES
    (10, 'Grey kitten', '2026-02-01T09:30:00.5Z', 'Alexanderplatz', 4, 'Alexanderplatz, Mitte, Berlin, Deutschland', 52.520308, 13.405254, '3908141014'),
    (11, 'On the equator', '2026-02-01T09:30:01.123Z', 'Null Island', NULL, 'Null Island', 0.0, 0.0, NULL),
    (12, 'Far east', '2026-02-01T09:30:02.999999+00:00', 'Taveuni', 3, 'Taveuni, Fiji', -16.85, 179.99999, '1'),
    (13, 'At the pole', '2026-02-01 09:30:03.000100', 'Pole', NULL, 'Pole', -90, -180, '2'),
    (14, 'Tiny', '2026-02-01T09:30:04Z', 'Tiny', NULL, 'Tiny', 0.00001, -0.000001, '3'),
    (15, 'Nowhere', '2026-02-01T09:30:05Z', 'Atlantis', NULL, NULL, NULL, NULL, NULL);
SELECT setval('entries_id_seq', 15, true);

INSERT INTO cat_insights (cat_id, mode, prompt_version, context_hash, insight_json, createdAt, updatedAt) VALUES
    (4, 'care', 'v1', 'aa', '{"cat_id": 4, "mode": "care", "confidence": 0.40, "flags": ["possible injury (limp mentioned)"], "headline": "Cat #4 \u2014 unknown / neutral", "citations": [], "generatedAt": "2026-02-01T10:00:00Z"}',
     '2026-02-01T10:00:00Z', '2026-02-01T10:00:00.000200Z');
