import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundingBoxes, EARTH_RADIUS_METERS, haversineMeters, wrapLongitude } from './distance.ts';

/** Lehmer's generator: the same numbers in every run, from 0 to 1. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

function isInside(lat: number, lon: number, boxes: ReturnType<typeof boundingBoxes>): boolean {
  return boxes.some((box) => lat >= box.south && lat <= box.north && lon >= box.west && lon <= box.east);
}

/** The point `meters` away from (lat, lon) in direction `bearing` (radians), longitude from -180 to 180. */
function travel(lat: number, lon: number, bearing: number, meters: number): [number, number] {
  const radians = Math.PI / 180;
  const angle = meters / EARTH_RADIUS_METERS;
  const [a, b] = [lat * radians, lon * radians];
  const sine = Math.sin(a) * Math.cos(angle) + Math.cos(a) * Math.sin(angle) * Math.cos(bearing);
  const endLat = Math.asin(Math.max(-1, Math.min(1, sine)));
  const endLon =
    b + Math.atan2(Math.sin(bearing) * Math.sin(angle) * Math.cos(a), Math.cos(angle) - Math.sin(a) * Math.sin(endLat));
  return [endLat / radians, wrapLongitude(endLon / radians)];
}

test('known distances', () => {
  assert.equal(haversineMeters(0, 0, 0, 1), 111194.92664455874);
  assert.equal(haversineMeters(90, 0, -90, 0), 20015086.79602057);
  assert.equal(haversineMeters(52.52, 13.4, 52.52, 13.4), 0);
  assert.ok(haversineMeters(0, 179.9999, 0, -179.9999) < 23);
  assert.ok(haversineMeters(89.9999, 0, 89.9999, 180) < 23);
  assert.ok(Math.abs(haversineMeters(0, 179, 0, 181) - haversineMeters(0, 179, 0, -179)) < 1e-6);
});

test('opposite points have a distance, never NaN', () => {
  const random = createRandom(3);
  const half = Math.PI * EARTH_RADIUS_METERS;
  for (let round = 0; round < 10_000; round += 1) {
    const lat = random() * 180 - 90;
    const lon = random() * 180;
    assert.ok(Math.abs(haversineMeters(lat, lon, -lat, lon - 180) - half) < 1);
  }
});

test('longitudes wrap to -180..180 and stay what they are inside', () => {
  const expected: [number, number][] = [
    [180, 180],
    [-180, -180],
    [13.4, 13.4],
    [181, -179],
    [-181, 179],
    [540, -180],
    [-720, 0],
    [359, -1],
  ];
  for (const [lon, wrapped] of expected) assert.equal(wrapLongitude(lon), wrapped, String(lon));
});

test('boxes contain every point of the circle, at antimeridian and poles too', () => {
  const random = createRandom(5);
  const pick = (values: number[]) => values[Math.floor(random() * values.length)] ?? 0;
  for (let round = 0; round < 4000; round += 1) {
    const lat = pick([random() * 180 - 90, 89.9 + random() * 0.1, -89.95, 90, -90, 0, 52.52]);
    const lon = pick([random() * 360 - 180, 179.99 + random() * 0.01, -179.999, 180, -180, 0, 181.5]);
    const radius = pick([0, 1, random() * 500, random() * 10_000, 10_000, random() * 5e6, random() * 2.1e7]);
    const boxes = boundingBoxes(lat, lon, radius);
    assert.ok(boxes.length === 1 || boxes.length === 2);
    for (const box of boxes) {
      assert.ok(box.south >= -90 && box.south <= box.north && box.north <= 90, JSON.stringify(box));
      assert.ok(box.west >= -180 && box.west <= box.east && box.east <= 180, JSON.stringify(box));
    }
    for (let point = 0; point < 40; point += 1) {
      // Most of them on the very edge; west and east of the centre, where a box is first too small, included.
      const bearing = point < 8 ? (point * Math.PI) / 4 : random() * 2 * Math.PI;
      const [pointLat, pointLon] = travel(lat, lon, bearing, radius * (point % 2 === 0 ? 1 : random()));
      if (haversineMeters(lat, lon, pointLat, pointLon) > radius) continue;
      const where = `(${pointLat}, ${pointLon}) within ${radius} of (${lat}, ${lon}) is outside ${JSON.stringify(boxes)}`;
      assert.ok(isInside(pointLat, pointLon, boxes), where);
      if (Math.abs(pointLon) === 180) assert.ok(isInside(pointLat, -pointLon, boxes), where);
    }
  }
});

test('boxes contain all of a fine grid around the antimeridian that is in reach', () => {
  let inReach = 0;
  for (const lat of [-65, -0.001, 0, 40, 71]) {
    for (const lon of [179.97, 180, -180, -179.96]) {
      const boxes = boundingBoxes(lat, lon, 5000);
      for (let north = -50; north <= 50; north += 1) {
        for (let east = -200; east <= 200; east += 1) {
          const pointLat = lat + north * 0.001;
          const pointLon = wrapLongitude(lon + east * 0.001);
          if (haversineMeters(lat, lon, pointLat, pointLon) > 5000) continue;
          inReach += 1;
          assert.ok(isInside(pointLat, pointLon, boxes), `${pointLat}, ${pointLon} around ${lat}, ${lon}`);
        }
      }
    }
  }
  assert.ok(inReach > 10_000);
});

test('boxes are tight: opposite edges are hardly farther apart than the circle is wide', () => {
  const [box, second] = boundingBoxes(52.52, 13.405, 1000);
  assert.equal(second, undefined);
  assert.ok(box);
  assert.ok(Math.abs(haversineMeters(box.south, 13.405, box.north, 13.405) - 2000) < 3);
  assert.ok(Math.abs(haversineMeters(52.52, box.west, 52.52, box.east) - 2000) < 3);
  const [west, east] = boundingBoxes(0, 180, 1000);
  assert.ok(west && east);
  assert.equal(west.east, 180);
  assert.equal(east.west, -180);
  assert.ok(west.west > 179.99 && east.east < -179.99);
});
