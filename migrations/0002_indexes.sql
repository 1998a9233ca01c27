-- The deployment plan's indexes and those that the queries need. Each is named for what it serves.

-- A cat's sightings, newest first with the id as tie-break: pages, profiles, and the plan's "entries by cat".
create index entries_by_cat on entries (cat_id, created_at desc, id desc);

-- The newest ten sightings of a cat by id: the context of an insight.
create index entries_by_cat_and_id on entries (cat_id, id desc);

create index entries_by_creation on entries (created_at desc, id desc);

-- Sightings inside a box: nearby, by-area, suggested groups. A box prefilters, the exact distance decides.
create index entries_by_place on entries using gist (point(location_lon, location_lat))
  where location_lat is not null and location_lon is not null;

create index cats_by_creation on cats (created_at desc, id desc);

-- A cat's comments, newest first with the id as tie-break.
create index cat_comments_by_cat on cat_comments (cat_id, created_at desc, id desc);
