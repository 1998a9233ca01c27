import { analyzeText } from '../analysis/analyze.ts';
import { createTally } from '../archive/digest.ts';
import type { Progress } from '../archive/progress.ts';
import { pinTextFormat } from '../archive/rows.ts';
import type { InsightMode } from '../cats/profile.ts';
import type { Instant } from '../clock.ts';
import type { Database, Tx } from '../database/connect.ts';
import { copyNull, doubleText, escapeText, momentText } from '../import/fields.ts';
import { jsonbText } from '../import/json.ts';
import { sourceTables, type TableName } from '../import/sqlite-tables.ts';
import { writeLines } from '../import/write.ts';
import { buildInsight, contextHash, INSIGHT_ENTRY_LIMIT, PROMPT_VERSION } from '../insights/insight.ts';
import { createWorld, type SeedEntry, type SeedWorld } from './world.ts';

/** The most entries that can be asked for: moments are told apart by microseconds, and numbers in the dice have 32 bits. */
export const mostEntries = 1_000_000_000;

export interface SeedReport {
  /** SHA-256 over the rows of each table: the same for the same seed, always. */
  tables: { table: TableName; rows: number; sha256: string }[];
}

export interface SeedOptions {
  /** A handle without limits of time. The schema must be current. */
  database: Database;
  /** From 1 to `mostEntries`. */
  entries: number;
  /** From 0 to 2^32-1. */
  seed: number;
  /** Add to the rows that are there, with ids after the highest ever given. Otherwise a database with rows is refused. */
  append?: boolean;
  onProgress?: Progress;
  shutdown?: AbortSignal;
}

/** Nothing was written. `message` says why. */
export class SeedError extends Error {
  override readonly name = 'SeedError';
}

/**
 * Fills an empty database with made-up cats and sightings, in one transaction and with little memory however many they are.
 *
 * @throws {SeedError} the database has rows, or the process is told to stop
 */
export async function seedDatabase(options: SeedOptions): Promise<SeedReport> {
  return (await options.database.sql.begin((tx) => seedWithin(tx, options))) as SeedReport;
}

async function seedWithin(tx: Tx, { entries, seed, append, onProgress, shutdown }: SeedOptions): Promise<SeedReport> {
  await pinTextFormat(tx);
  const names = sourceTables.map(({ name }) => name);
  await tx.unsafe(`set local lock_timeout to '10s'; lock table ${names.join(', ')} in share row exclusive mode`);
  if (!append) await requireEmpty(tx, names);
  const given = append ? await readHighestIds(tx) : noIds;
  const world = createWorld({ seed, entries });
  const report: SeedReport = { tables: [] };
  for (const { name, columns } of sourceTables) {
    const tally = createTally();
    const { lines, expected } = linesOf(name, world, entries, given);
    let done = 0;
    const counted = function* () {
      for (const fields of lines) {
        done += 1;
        if (done % 1024 === 0) onProgress?.({ what: name, done, expected });
        yield `${fields.join('\t')}\n`;
      }
    };
    await writeLines(tx, { table: name, columns: columns.map(({ target }) => target) }, counted(), (page) => {
      if (shutdown?.aborted) throw new SeedError('told to stop: nothing was written');
      tally.add(page);
    });
    report.tables.push({ table: name, ...tally.result() });
    if (columns[0].target === 'id' && done > 0)
      await tx`select setval(pg_get_serial_sequence(${name}, 'id'), ${given[name] + done})`;
  }
  // The planner knows nothing of the rows before, and the embedded engine has nobody to look later.
  await tx.unsafe(`analyze ${names.join(', ')}`);
  return report;
}

async function requireEmpty(tx: Tx, names: readonly string[]): Promise<void> {
  const counts: string[] = [];
  for (const name of names) {
    const [row] = await tx.unsafe<[{ count: number }]>(`select count(*) as count from ${name}`);
    if (row.count > 0) counts.push(`${name} (${row.count} rows)`);
  }
  if (counts.length > 0)
    throw new SeedError(
      `the database has data: ${counts.join(', ')}. Nothing was changed. To add made-up rows to them, with ids after the highest: --append.`,
    );
}

/** The highest id of each table that was ever given; the rows of a world are numbered from there. */
type HighestIds = Readonly<Record<TableName, number>>;

const noIds: HighestIds = { cats: 0, entries: 0, analyses: 0, cat_insights: 0, cat_comments: 0 };

async function readHighestIds(tx: Tx): Promise<HighestIds> {
  const highest = { ...noIds };
  for (const { name, columns } of sourceTables) {
    if (columns[0].target !== 'id') continue;
    const [row] = await tx.unsafe<[{ highest: number }]>(
      `select greatest(coalesce(pg_sequence_last_value(pg_get_serial_sequence('${name}', 'id')::regclass), 0), (select max(id) from ${name})) as highest`,
    );
    highest[name] = row.highest;
  }
  return highest;
}

/** The rows of a table as fields in the text format of COPY, and about how many there will be. */
function linesOf(
  table: TableName,
  world: SeedWorld,
  entries: number,
  after: HighestIds,
): { lines: Iterable<readonly string[]>; expected: number } {
  switch (table) {
    case 'cats':
      return { lines: catLines(world, after), expected: world.cats };
    case 'entries':
      return { lines: entryLines(world, entries, after), expected: entries };
    case 'analyses':
      return { lines: analysisLines(world, entries, after), expected: Math.round(entries * analyzedShare) };
    case 'cat_insights':
      return { lines: insightLines(world, after), expected: Math.round(world.cats / insightEvery) };
    case 'cat_comments':
      return { lines: commentLines(world, after), expected: world.cats };
  }
}

const optional = (text: string | null) => (text === null ? copyNull : escapeText(text));

function moment(instant: Instant): string {
  const text = momentText(instant);
  if (text === undefined) throw new RangeError(`not a moment: ${instant}`);
  return text;
}

function json(value: object, expected: 'an object' | 'an array of texts'): string {
  const result = jsonbText(JSON.stringify(value), expected);
  if ('problem' in result) throw new Error(result.problem);
  return escapeText(result.text);
}

function* catLines({ cats, cat }: SeedWorld, after: HighestIds): Iterable<readonly string[]> {
  for (let id = 1; id <= cats; id += 1) {
    const { name, createdAt, updatedAt } = cat(id);
    yield [
      String(after.cats + id),
      optional(name),
      moment(createdAt),
      updatedAt === null ? copyNull : moment(updatedAt),
    ];
  }
}

function* entryLines({ entry }: SeedWorld, entries: number, after: HighestIds): Iterable<readonly string[]> {
  for (let id = 1; id <= entries; id += 1) yield entryFields(entry(id), after);
}

function entryFields(
  { id, text, createdAt, isFavorite, catId, address, place, ...rest }: SeedEntry,
  after: HighestIds,
): string[] {
  return [
    String(after.entries + id),
    escapeText(text),
    moment(createdAt),
    isFavorite ? 't' : 'f',
    optional(rest.nickname),
    optional(rest.location),
    catId === null ? copyNull : String(after.cats + catId),
    optional(rest.photoUrl),
    ...(place
      ? [escapeText(place.normalized), doubleText(place.lat), doubleText(place.lon), place.osmId]
      : [copyNull, copyNull, copyNull, copyNull]),
    ...(address
      ? [address.street, address.number, address.zip, address.city, address.country].map(escapeText)
      : [copyNull, copyNull, copyNull, copyNull, copyNull]),
  ];
}

/** Four of ten sightings have been analysed, all in the way that the API does it. */
const analyzedShare = 0.4;

function* analysisLines({ entry }: SeedWorld, entries: number, after: HighestIds): Iterable<readonly string[]> {
  for (let id = 1; id <= entries; id += 1) {
    if (id % 5 >= analyzedShare * 5) continue;
    const { text, createdAt } = entry(id);
    const { textHash, summary, tags, sentiment } = analyzeText(text);
    const at = moment(createdAt);
    yield [
      String(after.entries + id),
      textHash,
      escapeText(summary),
      json(tags, 'an array of texts'),
      sentiment,
      at,
      at,
    ];
  }
}

/** Every n-th cat has an insight in the cache, at the head of which the API finds it. */
const insightEvery = 6;
const insightModes: readonly InsightMode[] = ['profile', 'profile', 'profile', 'care', 'risk', 'update'];

function* insightLines({ cats, linkedTo, entry }: SeedWorld, after: HighestIds): Iterable<readonly string[]> {
  let id = 0;
  for (let number = insightEvery; number <= cats; number += insightEvery) {
    const catId = after.cats + number;
    const newest = linkedTo(number)
      .slice(-INSIGHT_ENTRY_LIMIT)
      .reverse()
      .map(entry)
      .map((one) => ({ ...one, id: after.entries + one.id }));
    const generatedAt = newest[0]?.createdAt;
    if (generatedAt === undefined) continue;
    id += 1;
    const mode = insightModes[(number / insightEvery) % insightModes.length] ?? 'profile';
    const insight = buildInsight({ catId, mode, entries: newest, generatedAt });
    const at = moment(generatedAt);
    const key = [mode, PROMPT_VERSION, contextHash(newest)];
    yield [String(after.cat_insights + id), String(catId), ...key, json(insight, 'an object'), at, at];
  }
}

function* commentLines({ cats, commentsOn }: SeedWorld, after: HighestIds): Iterable<readonly string[]> {
  let id = 0;
  for (let catId = 1; catId <= cats; catId += 1) {
    for (const { author, content, createdAt } of commentsOn(catId)) {
      id += 1;
      const at = moment(createdAt);
      yield [
        String(after.cat_comments + id),
        String(after.cats + catId),
        escapeText(author),
        escapeText(content),
        at,
        at,
      ];
    }
  }
}
