-- Cats, insights and photos; entries.cat_id came by ALTER TABLE, without a foreign key. The rows are those of a real diary that was
-- moved from SQLite to PostgreSQL: ids were inserted, then the sequences were set.
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

INSERT INTO cats VALUES
    (1, 'Browny', '2026-01-10T22:27:08.252643Z');

INSERT INTO entries VALUES
    (1, 'string', '2025-12-27T22:06:09.468148Z', 0, NULL, NULL, 1, NULL),
    (2, 'string', '2025-12-27T22:06:29.880762Z', 0, NULL, NULL, 1, NULL),
    (3, 'string', '2025-12-27T22:07:34.443275Z', 0, NULL, NULL, NULL, NULL),
    (4, 'Test', '2025-12-27T22:14:54.889655Z', 0, NULL, NULL, NULL, NULL),
    (5, 'Test 2', '2025-12-27T22:15:03.580710Z', 1, NULL, NULL, NULL, NULL),
    (6, 'yvette', '2025-12-27T22:17:41.939947Z', 0, NULL, NULL, NULL, NULL),
    (7, 'flo', '2025-12-27T22:18:00.991565Z', 1, NULL, NULL, NULL, NULL),
    (8, 'I learned about the terminal, it was positive to restart it by my own', '2025-12-29T00:00:44.983373Z', 0, NULL, NULL, NULL, NULL),
    (9, 'bad', '2025-12-29T00:01:12.966478Z', 0, NULL, NULL, NULL, NULL),
    (10, 'all is sooo good', '2025-12-29T00:01:32.450090Z', 0, NULL, NULL, NULL, NULL),
    (11, 'all is so bad and good', '2025-12-29T00:01:51.063108Z', 0, NULL, NULL, NULL, NULL),
    (12, 'new entry for test of good AI', '2025-12-30T16:49:32.880291Z', 0, NULL, NULL, NULL, NULL),
    (13, 'tuxedo lab schnuggler', '2025-12-31T17:39:47.538436Z', 1, 'Cosmo', '406 Fenimore', NULL, NULL),
    (14, 'orange cat, missing fur on tail, very shy', '2025-12-31T18:06:48.400265Z', 0, 'Boris', 'Fenimore 406', NULL, NULL),
    (15, 'orange kitty, tail looks injured, hides under car', '2025-12-31T18:07:14.098351Z', 0, 'Garfield', 'Fenimore', NULL, NULL),
    (16, 'black cat with collar, friendly', '2025-12-31T18:07:38.874373Z', 0, 'Idefix', 'Fenimore', NULL, NULL),
    (17, 'its an orange cat, shy and fast when escaping', '2025-12-31T18:43:44.700419Z', 0, 'The orgne one', 'Fenimore', NULL, NULL),
    (18, 'very friendly, calico cat, always open for pets', '2025-12-31T18:45:43.173181Z', 0, 'Flossi', 'Fenimore', NULL, NULL),
    (19, 'tuxedo cat living in my backyard', '2025-12-31T18:47:04.154088Z', 0, 'Astro', 'Fenimore', NULL, NULL),
    (20, 'small white cat with big ears', '2026-01-03T00:31:38.242852Z', 0, 'The Big One', '5th Avenue', NULL, 'https://tse2.mm.bing.net/th/id/OIP.bJXmyN8Oz4yFY3s0JlxAEgHaHv?pid=ImgDet&w=474&h=495&rs=1&o=7&rm=3'),
    (21, 'Tiger cat with small green eyes, friendly sitting on the corner', '2026-01-10T22:16:23.832382Z', 0, 'Browny', 'Flatbush 708', NULL, 'https://images.squarespace-cdn.com/content/v1/5c213dceb27e39c27117a898/1670515805342-VU1550EH7DIK28FYLGTO/IMG_8851.jpg'),
    (22, 'Tiger cat looks hungry and miau all the time', '2026-01-10T22:19:13.265485Z', 0, 'Browny', 'Flatbush 708', NULL, 'https://images.squarespace-cdn.com/content/v1/68b1f8e2c6c23f5ccaf77fb5/b9c00e77-9979-4945-8a67-89bfa5f352b8/IMG_3451.jpg');

INSERT INTO analyses VALUES
    (11, '3f0948de2ca367d7348cd628f4157fc5d103c506bfba9f6066d99d21b4b23f3c', 'all is so bad and good', '["all", "bad", "good"]', 'neutral', '2025-12-30T17:36:25.155680Z', '2025-12-30T17:36:25.155680Z'),
    (12, '96bba207fefb7dbff2672cd10192cfa5a12ca6aa12a53e641192aacdd4d1adce', 'new entry for test of good AI', '["new", "entry", "test", "good"]', 'positive', '2025-12-30T16:50:08.561452Z', '2025-12-30T16:50:08.561452Z'),
    (13, '2628b66fb5a3d2da9a85df8488362bddea62ad269133a8b664befe92043f9989', 'tuxedo lab schnuggler', '["tuxedo", "lab", "schnuggler"]', 'neutral', '2025-12-31T17:39:56.094203Z', '2025-12-31T17:39:56.094203Z'),
    (19, '7470d6f7d9a0fd4bc0a6690c855acb540056e539192fa94ef734b1252fc307c2', 'tuxedo cat living in my backyard', '["tuxedo", "cat", "living", "backyard"]', 'neutral', '2026-01-10T22:11:18.283328Z', '2026-01-10T22:11:18.283328Z'),
    (20, 'd72dd2982b0a5520b82dbcdab5aa78a255e6d8aa34b1405b4ccc930c24f6c562', 'small white cat with big ears', '["small", "white", "cat", "big", "ears"]', 'neutral', '2026-01-10T22:10:57.779155Z', '2026-01-10T22:10:57.779155Z');

INSERT INTO cat_insights VALUES
    (1, 1, 'profile', 'v1', 'd17396ecac446422911f117cc366a45f7da3b41ad468c1afc5d2d5aa87d8accf', '{"cat_id":1,"mode":"profile","prompt_version":"v1","confidence":0.51,"headline":"Cat #1 — unknown / neutral","summary":"Based on 2 sighting(s), this cat is currently described as ''unknown / neutral''. Common tags from notes: string.","flags":[],"suggested_actions":["Collect consistent notes about coat pattern, tail, ear marks, and behavior.","Try to observe at similar times to learn routine."],"citations":[{"entry_id":2,"quote":"string","location":null,"createdAt":"2025-12-27T22:06:29.880762Z"},{"entry_id":1,"quote":"string","location":null,"createdAt":"2025-12-27T22:06:09.468148Z"}],"generatedAt":"2026-01-10T22:32:41.371023Z"}', '2026-01-10T22:32:41.371190Z', '2026-01-10T22:32:41.371190Z');

SELECT setval('cat_insights_id_seq', 1, true);
SELECT setval('cats_id_seq', 1, true);
SELECT setval('entries_id_seq', 22, true);
