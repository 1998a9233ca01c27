-- The first shape: a diary, before nicknames, cats and analyses. No foreign key anywhere.
CREATE TABLE entries (
    id SERIAL PRIMARY KEY,
    text TEXT NOT NULL,
    createdAt TEXT NOT NULL,
    isFavorite INTEGER NOT NULL DEFAULT 0
);

INSERT INTO entries (id, text, createdAt, isFavorite) VALUES
    (1, 'string', '2025-12-27T22:06:09.468148Z', 0),
    (2, 'flo', '2025-12-27T22:18:00.991565Z', 1),
    -- Python leaves the fraction out when it is zero.
    (5, 'Grüße von der Straße, 猫が好き 🐈', '2025-12-29T00:00:44Z', 0);

-- Entries 3, 4 and 6 to 8 were inserted and rolled back or deleted.
SELECT setval('entries_id_seq', 8, true);
