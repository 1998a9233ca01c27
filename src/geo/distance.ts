/** Mean radius of the Earth in metres, as every distance of the API has used it. */
export const EARTH_RADIUS_METERS = 6_371_000;

const RADIANS_PER_DEGREE = Math.PI / 180;

/** Degrees: -90 <= south <= north <= 90 and -180 <= west <= east <= 180, edges included. */
export interface BoundingBox {
  south: number;
  north: number;
  west: number;
  east: number;
}

/**
 * Great-circle distance in metres between two points in degrees. Longitudes may be any turn of the circle.
 * Source: R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (1984).
 */
export function haversineMeters(latA: number, lonA: number, latB: number, lonB: number): number {
  const halfLat = Math.sin(((latB - latA) * RADIANS_PER_DEGREE) / 2);
  const halfLon = Math.sin(((lonB - lonA) * RADIANS_PER_DEGREE) / 2);
  const a =
    halfLat * halfLat + Math.cos(latA * RADIANS_PER_DEGREE) * Math.cos(latB * RADIANS_PER_DEGREE) * halfLon * halfLon;
  // Rounding carries opposite points over 1 by a last bit. The square root swallows one such bit; asin would make NaN of more.
  return EARTH_RADIUS_METERS * 2 * Math.asin(Math.sqrt(Math.min(1, a)));
}

/** The same longitude in -180 (included) to 180: maps scroll past the antimeridian and then send 181 for -179. */
export function wrapLongitude(lon: number): number {
  if (lon >= -180 && lon <= 180) return lon;
  const turned = (lon + 180) % 360;
  return (turned < 0 ? turned + 360 : turned) - 180;
}

/**
 * One or two boxes that surely contain every point within `radiusMeters` of (`lat`, `lon`), and little else: a prefilter
 * that a plain index on latitude and longitude can serve, to be followed by the true distance. Two boxes where the circle
 * crosses the antimeridian; all longitudes where it contains a pole.
 * Source: J. P. Matuschek, "Finding Points Within a Distance of a Latitude/Longitude" (the widest longitude of a circle is
 * not at its centre's latitude).
 */
export function boundingBoxes(lat: number, lon: number, radiusMeters: number): BoundingBox[] {
  // Half a metre of slack: more than rounding can do to any distance on Earth, nearly opposite points included.
  const angle = radiusMeters / EARTH_RADIUS_METERS + 1e-7;
  const reach = angle / RADIANS_PER_DEGREE;
  const south = Math.max(-90, lat - reach);
  const north = Math.min(90, lat + reach);
  if (south === -90 || north === 90) return [{ south, north, west: -180, east: 180 }];
  // No pole inside, so the angle is below 90 degrees and the quotient below 1; min is for the last digit.
  const halfWidth = Math.asin(Math.min(1, Math.sin(angle) / Math.cos(lat * RADIANS_PER_DEGREE))) / RADIANS_PER_DEGREE;
  const center = wrapLongitude(lon);
  const west = center - halfWidth;
  const east = center + halfWidth;
  if (west < -180) {
    return [
      { south, north, west: -180, east },
      { south, north, west: west + 360, east: 180 },
    ];
  }
  if (east > 180) {
    return [
      { south, north, west, east: 180 },
      { south, north, west: -180, east: east - 360 },
    ];
  }
  return [{ south, north, west, east }];
}
