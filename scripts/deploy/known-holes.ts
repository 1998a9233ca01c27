// Stops a deployment for known holes in what is compiled in: `bun scripts/deploy/known-holes.ts REPORT [--allowed deploy/known-holes.json]`.
// REPORT is what Grype found in the bill of materials (`-o json`). Exit codes: 0 none, 1 there are holes, 2 the question could not be asked.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

/** A hole that was looked at and does not concern us, until it is looked at again. */
export interface AllowedHole {
  /** As the scanner calls it: `CVE-2026-1234`, `GHSA-…`. */
  id: string;
  /** The name of the part, as in the bill of materials. */
  part: string;
  /** Why it does not concern us. */
  reason: string;
  /** The last day on which it is allowed, `2026-12-31`, in UTC. */
  until: string;
}

export interface Hole {
  id: string;
  part: string;
  version: string;
  severity: string;
  /** Versions without it, or none. */
  fixedIn: string[];
}

export interface Judgement {
  /** What stops the deployment: holes, and permissions that have run out or say too little. */
  stops: string[];
  /** What is worth a line, and stops nothing. */
  notes: string[];
}

/** What stops nothing. A severity that is not among them, also an unknown one, does: it was not looked at. */
const minor = new Set(['negligible', 'low', 'medium']);

/** Longer than this nobody decides about ahead. */
const longestDays = 180;
const dayMilliseconds = 86_400_000;

/** Holds what was found against what is allowed on this day (ISO 8601). */
export function judgeHoles(holes: readonly Hole[], allowed: readonly AllowedHole[], today: string): Judgement {
  const stops = allowed.flatMap((entry) => problemsOf(entry, today));
  const notes: string[] = [];
  for (const hole of holes) {
    const entry = allowed.find(({ id, part }) => id === hole.id && part === hole.part);
    const fix = hole.fixedIn.length > 0 ? `fixed in ${hole.fixedIn.join(', ')}` : 'no version is without it yet';
    const line = `${hole.id} (${hole.severity}) in ${hole.part} ${hole.version}: ${fix}`;
    if (minor.has(hole.severity.toLowerCase())) notes.push(line);
    else if (entry !== undefined && entry.until >= today)
      notes.push(`${line}; allowed until ${entry.until}: ${entry.reason}`);
    else stops.push(line);
  }
  for (const { id, part } of allowed)
    if (!holes.some((hole) => hole.id === id && hole.part === part))
      notes.push(`${id} in ${part} is allowed and not found: remove it`);
  return { stops, notes };
}

function problemsOf({ id, part, reason, until }: AllowedHole, today: string): string[] {
  const name = `what is allowed: ${id || '(no id)'} in ${part || '(no part)'}`;
  const days = (Date.parse(until) - Date.parse(today)) / dayMilliseconds;
  const problems = [
    ...(id && part && reason?.trim() ? [] : ['id, part and reason are needed']),
    ...(/^\d{4}-\d\d-\d\d$/.test(until) && !Number.isNaN(days) ? [] : ['until is not a day such as 2026-12-31']),
    ...(days < 0 ? [`ran out on ${until}: look at it again`] : []),
    ...(days > longestDays ? [`until ${until} is more than ${longestDays} days away`] : []),
  ];
  return problems.map((problem) => `${name}: ${problem}`);
}

interface GrypeReport {
  descriptor?: { name?: string };
  matches?: {
    vulnerability: { id: string; severity?: string; fix?: { versions?: string[] } };
    artifact: { name: string; version: string };
  }[];
}

/** The holes of a report. Throws an Error when it is not one of Grype: nothing found there proves nothing. */
export function readReport(text: string): Hole[] {
  const report = JSON.parse(text) as GrypeReport;
  if (report.descriptor?.name !== 'grype' || !Array.isArray(report.matches)) throw new Error('not a report of Grype');
  return report.matches.map(({ vulnerability, artifact }) => ({
    id: vulnerability.id,
    part: artifact.name,
    version: artifact.version,
    severity: vulnerability.severity ?? 'Unknown',
    fixedIn: vulnerability.fix?.versions ?? [],
  }));
}

function main(): number {
  const { values, positionals } = parseArgs({
    options: { allowed: { type: 'string', default: 'deploy/known-holes.json' } },
    allowPositionals: true,
  });
  const [file] = positionals;
  let judgement: Judgement;
  try {
    if (file === undefined) throw new Error('name the report of the scanner');
    const allowed = JSON.parse(readFileSync(values.allowed, 'utf8')) as AllowedHole[];
    judgement = judgeHoles(readReport(readFileSync(file, 'utf8')), allowed, new Date().toISOString().slice(0, 10));
  } catch (error) {
    console.error(`known holes cannot be judged: ${(error as Error).message}`);
    return 2;
  }
  for (const note of judgement.notes) console.log(note);
  for (const stop of judgement.stops) console.error(stop);
  if (judgement.stops.length === 0) return 0;
  console.error(`Update the part, or say in ${values.allowed} why it does not concern us, and until when.`);
  return 1;
}

if (import.meta.main) process.exitCode = main();
