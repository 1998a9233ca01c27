import type { SettingProblem } from './settings.ts';
import { editDistance } from './spelling.ts';

/** Variables of the first server that told it where its SQLite file is. */
const sqliteFiles = ['CATATLAS_DB_PATH', 'DATABASE_PATH'];

/**
 * Environment variables that were probably meant for this program and that it does not read. Only ever a warning: the
 * environment belongs to others too, and a foreign variable must not keep the server from starting. So the rule is narrow:
 * the same letters in other case or with other underscores, one letter off over all, or, word by word, one letter off in each
 * (two in a long word). HOST, PORT and DEBUG are too short for guesses (HOSTS, PORTS, POST): other case only.
 */
export function findNearMisses(
  env: Record<string, string | undefined>,
  names: readonly string[],
  secrets: readonly string[],
  platform: string,
): SettingProblem[] {
  const files = secrets.map((name) => `${name}_FILE`);
  const ours = new Set([...names, ...files]);
  const warnings: SettingProblem[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (ours.has(name) || value === undefined || value === '') continue;
    // Windows does not tell case apart, so there it is no mistake.
    if (platform === 'win32' && ours.has(name.toUpperCase())) continue;
    // Kubernetes describes each service to every container of the namespace: DATABASE_PORT=tcp://10.0.0.1:5432.
    if (/^(tcp|udp|sctp):\/\//.test(value)) continue;
    const source = 'environment variable';
    if (sqliteFiles.includes(name)) {
      warnings.push({
        name,
        source,
        problem: 'is not read: it named a SQLite file, and this server keeps its data in PostgreSQL',
        fix: 'Set DATABASE_URL for a PostgreSQL server, or DATA_DIR for the place of the embedded database. To take over what is in the file: catatlas import sqlite FILE.',
      });
      continue;
    }
    const unread = names.find((each) => each.length >= 8 && name === `${each}_FILE`);
    const meant = nearest(name, [...ours]);
    if (unread !== undefined)
      warnings.push({
        name,
        source,
        problem: 'is not read: only secrets are taken from files',
        fix: `Set ${unread} itself.`,
      });
    else if (meant !== undefined)
      warnings.push({ name, source, problem: 'is not read', fix: `Did you mean ${meant}?` });
  }
  return warnings;
}

function nearest(name: string, candidates: readonly string[]): string | undefined {
  const prefixed = /^CATATLAS_(.+)$/i.exec(name)?.[1];
  const letters = lettersOf(name);
  const same = candidates.find(
    (each) => lettersOf(each) === letters || (prefixed !== undefined && lettersOf(each) === lettersOf(prefixed)),
  );
  if (same !== undefined) return same;
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    if (candidate.length < 8 || Math.abs(candidate.length - name.length) > 3) continue;
    const distance = distanceOf(name.toUpperCase(), candidate);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function lettersOf(name: string): string {
  return name.toUpperCase().replace(/[^A-Z0-9]/g, '');
}

/** How many mistakes lie between, or infinity when there are too many for a typing mistake. */
function distanceOf(name: string, candidate: string): number {
  const words = name.split('_');
  const wanted = candidate.split('_');
  const [first = ''] = wanted;
  // One letter off at the front of a name, or in a short first word, makes another abbreviation (APK_NAME) more often than a
  // mistake.
  if (name[0] !== candidate[0] || (first.length <= 3 && words[0] !== first)) return Number.POSITIVE_INFINITY;
  const overall = editDistance(name, candidate);
  if (overall <= 1) return overall;
  if (words.length !== wanted.length) return Number.POSITIVE_INFINITY;
  const each = wanted.map((word, index) => editDistance(words[index] ?? '', word));
  const near = each.every((distance, index) => distance <= ((wanted[index] ?? '').length >= 7 ? 2 : 1));
  const total = each.reduce((sum, distance) => sum + distance, 0);
  return near && total <= Math.max(1, Math.floor(candidate.length / 6)) ? total : Number.POSITIVE_INFINITY;
}
