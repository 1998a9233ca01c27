-- The last shape, made new by the last version: everything in CREATE TABLE, addresses, cats that can be renamed, comments.
-- A deployment plan added plain indexes.
CREATE TABLE cats (
    id SERIAL PRIMARY KEY,
    name TEXT,
    createdAt TEXT NOT NULL,
    updatedAt TEXT
);
CREATE TABLE entries (
    id SERIAL PRIMARY KEY,
    text TEXT NOT NULL,
    createdAt TEXT NOT NULL,
    isFavorite INTEGER NOT NULL DEFAULT 0,
    nickname TEXT,
    location TEXT,
    cat_id INTEGER REFERENCES cats(id) ON DELETE SET NULL,
    photo_url TEXT,
    location_normalized TEXT,
    location_lat REAL,
    location_lon REAL,
    location_osm_id TEXT,
    location_street TEXT,
    location_number TEXT,
    location_zip TEXT,
    location_city TEXT,
    location_country TEXT
);
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
CREATE TABLE cat_comments (
    id SERIAL PRIMARY KEY,
    cat_id INTEGER NOT NULL,
    author_name TEXT NOT NULL,
    content TEXT NOT NULL,
    createdAt TEXT NOT NULL,
    updatedAt TEXT NOT NULL,
    FOREIGN KEY(cat_id) REFERENCES cats(id) ON DELETE CASCADE
);
CREATE INDEX idx_entries_cat_id ON entries (cat_id);
CREATE INDEX idx_entries_createdat ON entries (createdAt);
CREATE INDEX idx_analyses_entry_id ON analyses (entry_id);
CREATE INDEX idx_cats_createdat ON cats (createdAt);

INSERT INTO cats (name, createdAt, updatedAt) VALUES
    ('Browny', '2026-01-10T22:27:08.252643Z', '2026-03-01T07:15:00.123456+00:00'),
    (NULL, '2026-03-02T12:00:00Z', NULL),
    -- A name of any length and script; renamed at a full second.
    ('Şerife Ünlü-Çağ 🐱', '2026-03-03T23:59:59.999999Z', '2026-03-04T00:00:00+00:00');

INSERT INTO entries (text, createdAt, isFavorite, nickname, location, cat_id, photo_url, location_normalized, location_lat,
    location_lon, location_osm_id, location_street, location_number, location_zip, location_city, location_country) VALUES
    ('Tiger cat with small green eyes', '2026-01-10T22:16:23.832382Z', 1, 'Browny', 'Hauptstraße 5, 10115 Berlin, Deutschland', 1,
     'https://cdn.example.net/sightings/20260110_221623_0a1b2c3d.jpg', 'Hauptstraße 5, 10115 Berlin', 52.52031, 13.405254, '240109189',
     'Hauptstraße', '5', '10115', 'Berlin', 'Deutschland'),
    ('<b>drop table cats;</b> -- javascript:alert(1)', '2026-01-10T22:19:13.265485Z', 0, NULL, NULL, 1, NULL, NULL, NULL,
     NULL, NULL, NULL, '12a', NULL, NULL, NULL),
    ('seen by nobody', '2028-02-29T23:59:59.000001Z', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
-- The newest sighting was deleted by hand: its id may not come again.
DELETE FROM entries WHERE id = 3;

INSERT INTO analyses VALUES
    (1, '3f0948de2ca367d7348cd628f4157fc5d103c506bfba9f6066d99d21b4b23f3c', 'Tiger cat with small green eyes',
     '["tiger", "cat", "small", "green", "eyes"]', 'positive', '2026-01-10T22:16:25.155680Z', '2026-01-10T22:16:25.155680Z');

INSERT INTO cat_insights (cat_id, mode, prompt_version, context_hash, insight_json, createdAt, updatedAt) VALUES
    (1, 'profile', 'v1', 'd17396', '{"cat_id":1,"confidence":0.51,"flags":[]}', '2026-01-10T22:32:41.371190Z', '2026-01-10T22:32:41.371190Z'),
    (1, 'risk', 'v1', 'd17396', '{"cat_id":1,"confidence":1.0,"nested":{"b":[1,2,null],"a":true}}', '2026-01-10T22:32:42Z', '2026-01-11T00:00:00Z');

INSERT INTO cat_comments (cat_id, author_name, content, createdAt, updatedAt) VALUES
    (1, 'Zoë', 'So süß! 😻', '2026-03-05T10:00:00.000010+00:00', '2026-03-05T10:00:00.000010+00:00'),
    (3, 'Ali', E'Line one\nLine two', '2026-03-05T10:00:01+00:00', '2026-03-06T00:00:00.100000+00:00');
-- Somebody prepared ids from 1000 on.
SELECT setval('cat_comments_id_seq', 1000, false);
