-- Analyses are cached, and entries have got a nickname and a location, one ALTER TABLE each.
CREATE TABLE entries (
    id SERIAL PRIMARY KEY,
    text TEXT NOT NULL,
    createdAt TEXT NOT NULL,
    isFavorite INTEGER NOT NULL DEFAULT 0
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

INSERT INTO entries (text, createdAt) VALUES ('Test', '2025-12-27T22:14:54.889655Z');

ALTER TABLE entries ADD COLUMN nickname TEXT;
ALTER TABLE entries ADD COLUMN location TEXT;

INSERT INTO entries (text, createdAt, isFavorite, nickname, location) VALUES
    ('tuxedo lab schnuggler', '2025-12-31T17:39:47.538436Z', 1, 'Cosmo', '406 Fenimore'),
    -- A fraction that ends in zeros, and quotes, backslashes, tabs and line ends in a text.
    (E'it''s a "cat" \\ with\ta tab\r\nand a second line', '2025-12-31T18:06:48.400000Z', 0, NULL, 'Große Straße 7, Köln');

INSERT INTO analyses VALUES
    (2, '2628b66fb5a3d2da9a85df8488362bddea62ad269133a8b664befe92043f9989', 'tuxedo lab schnuggler',
     '["tuxedo", "lab", "schnuggler"]', 'neutral', '2025-12-31T17:39:56.094203Z', '2026-01-02T08:00:00Z'),
    -- json.dumps escapes what is not ASCII.
    (3, 'd72dd2982b0a5520b82dbcdab5aa78a255e6d8aa34b1405b4ccc930c24f6c562', 'it''s a "cat" …',
     '["k\u00e4tzin", "a\"b\\c", "\ud83d\udc08"]', 'positive', '2026-01-10T22:10:57.779155Z', '2026-01-10T22:10:57.779155Z'),
    (1, '96bba207fefb7dbff2672cd10192cfa5a12ca6aa12a53e641192aacdd4d1adce', 'Test', '[]', 'negative',
     '2025-12-30T16:50:08.561452Z', '2025-12-30T16:50:08.561452Z');
