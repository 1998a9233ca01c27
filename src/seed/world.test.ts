import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { createWorld } from './world.ts';

const allEntries = (seed: number, entries: number) => {
  const world = createWorld({ seed, entries });
  return Array.from({ length: entries }, (_, index) => world.entry(index + 1));
};

describe('createWorld', () => {
  it('makes the same rows from the same seed, on every runtime, in whatever order', () => {
    const rows = allEntries(7, 300);
    assert.deepEqual(allEntries(7, 300), rows);
    const world = createWorld({ seed: 7, entries: 300 });
    for (const id of [300, 5, 123]) assert.deepEqual(world.entry(id), rows[id - 1]);
    assert.notDeepEqual(allEntries(8, 300), rows);
    // Another digest means that databases made by this version differ from those of the one before: say so in the change log.
    assert.equal(
      createHash('sha256').update(JSON.stringify(rows)).digest('hex'),
      'a81a13c7373e1209b3317f0e1e196a626757cd5b6ab249045047b42b27dc085f',
    );
  });

  it('links sightings to cats that exist, near each other and named alike', () => {
    for (const entries of [1, 2, 5, 6, 24, 100, 2500]) {
      const world = createWorld({ seed: 3, entries });
      const rows = allEntries(3, entries);
      const byCat = Map.groupBy(
        rows.filter(({ catId }) => catId !== null),
        ({ catId }) => catId ?? 0,
      );
      assert.ok(Math.max(0, ...byCat.keys()) <= world.cats);
      for (let id = 1; id <= world.cats; id += 1) {
        const sightings = byCat.get(id) ?? [];
        assert.ok(sightings.length > 0, `cat ${id} of ${entries} entries has no sighting`);
        assert.deepEqual(
          world.linkedTo(id),
          sightings.map((sighting) => sighting.id),
        );
        const lats = sightings.flatMap(({ place }) => (place ? [place.lat] : []));
        assert.ok(Math.max(...lats) - Math.min(...lats) < 0.01 || lats.length < 2);
        assert.ok(new Set(sightings.flatMap(({ address }) => (address ? [address.street] : []))).size <= 1);
      }
      if (entries === 2500) {
        assert.ok(world.cats > 150 && world.cats < 500, String(world.cats));
        assert.ok([...byCat.values()].filter((sightings) => sightings.length >= 3).length > world.cats / 2);
      }
    }
  });

  it('stays within what the API takes', () => {
    let before = '';
    for (const row of allEntries(11, 3000)) {
      assert.ok(row.createdAt > before && row.createdAt < '2026-11-01T00:00:00Z', row.createdAt);
      before = row.createdAt;
      assert.ok(row.text.trim() === row.text && row.text !== '' && row.text.length < 1000);
      assert.ok((row.location ?? '').length <= 200);
      if (row.place) assert.ok(Math.abs(row.place.lat) < 90 && Math.abs(row.place.lon) < 180 && row.address);
    }
  });

  it('has many of everything', () => {
    const rows = allEntries(5, 2000);
    const share = (test: (row: (typeof rows)[number]) => boolean) => rows.filter(test).length / rows.length;
    assert.ok(share(({ catId }) => catId !== null) > 0.4);
    assert.ok(share(({ place }) => place !== null) > 0.6);
    assert.ok(share(({ isFavorite }) => isFavorite) > 0.02);
    assert.ok(share(({ photoUrl }) => photoUrl !== null) > 0.15);
    assert.ok(share(({ text }) => / ear |Ohr/.test(text)) > 0.1);
    assert.ok(share(({ text }) => text.includes('Katze')) > 0.2);
    assert.ok(new Set(rows.map(({ text }) => text)).size > 1800);
    const world = createWorld({ seed: 5, entries: 2000 });
    const comments = Array.from({ length: world.cats }, (_, index) => world.commentsOn(index + 1)).flat();
    assert.ok(comments.length > world.cats / 2);
  });
});
