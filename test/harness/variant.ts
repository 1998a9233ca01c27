import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { spawnGuard } from './postgres.ts';
import { commandLine, root, runtime } from './target.ts';

/** Another version of the program: how it differs from the tree under test. */
export interface VariantOptions {
  version: string;
  /** Files of migrations/ to add, by name. */
  migrations?: Record<string, string>;
  /** Files of migrations/ to leave out. */
  removed?: readonly string[];
  /** Files of migrations/ to change: from their text to another. */
  edited?: Record<string, (sql: string) => string>;
  /** Files of src/ to change, by path: from their text to another. */
  sources?: Record<string, (text: string) => string>;
}

export interface Variant {
  readonly version: string;
  /** The command line that starts it, without arguments: for `program` of a workshop's `launch`. */
  readonly program: readonly [string, ...string[]];
  /** Removes it, once everybody who made the same one has said so. */
  dispose(): void;
}

/** What a build reads and generators write. Packages and prepared files are linked: nothing changes them. */
const copied = [
  'src',
  'migrations',
  'scripts',
  'patches',
  'docs',
  'package.json',
  'tsconfig.json',
  'bunfig.toml',
  'deno.json',
  '.env.example',
];
const linked = ['node_modules', '.generated'];

/** No file has this name: nothing runs for as long as its folder is there. */
const noServer = 'no-server.pid';

/** The names of the files in migrations/ of the tree under test, in order. */
export const migrationFileNames: readonly string[] = readdirSync(join(root, 'migrations'))
  .filter((name) => name.endsWith('.sql'))
  .sort();

/** The version that the tree under test ends at. */
export const lastVersion = Number(migrationFileNames.at(-1)?.slice(0, 4));

/** The name of a file that comes `ahead` numbers after the last one of the tree under test. */
export function laterFile(name: string, ahead = 1): string {
  return `${String(lastVersion + ahead).padStart(4, '0')}_${name}.sql`;
}

interface Made {
  directory: Promise<string>;
  users: number;
}

const made = new Map<string, Made>();

/**
 * Makes another version of the program from the tree under test: a compiled one for the runtime `binary`, else its source.
 * What was asked for already is not made again.
 */
export async function makeVariant(options: VariantOptions): Promise<Variant> {
  const { version } = options;
  const files = migrationsOf(options);
  const sources = sourcesOf(options);
  const key = JSON.stringify([version, runtime, files, sources]);
  const one = made.get(key) ?? { directory: make(version, files, sources), users: 0 };
  made.set(key, one);
  one.users += 1;
  let directory: string;
  try {
    directory = await one.directory;
  } catch (error) {
    made.delete(key);
    throw error;
  }
  return {
    version,
    program: programIn(directory),
    dispose() {
      one.users -= 1;
      if (one.users > 0) return;
      made.delete(key);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function migrationsOf({ migrations = {}, removed = [], edited = {} }: VariantOptions): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of [...Object.keys(edited), ...removed])
    if (!migrationFileNames.includes(name)) throw new Error(`migrations/ has no ${name} to edit or remove`);
  for (const name of migrationFileNames) {
    if (removed.includes(name)) continue;
    const sql = readFileSync(join(root, 'migrations', name), 'utf8');
    files[name] = edited[name]?.(sql) ?? sql;
  }
  return { ...files, ...migrations };
}

function sourcesOf({ sources = {} }: VariantOptions): Record<string, string> {
  return Object.fromEntries(
    Object.entries(sources).map(([path, edit]) => {
      const text = readFileSync(join(root, path), 'utf8');
      const edited = edit(text);
      if (edited === text) throw new Error(`the edit of ${path} changes nothing`);
      return [path, edited];
    }),
  );
}

async function make(version: string, files: Record<string, string>, sources: Record<string, string>): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), `catatlas-variant-${version}-`));
  // A run that is killed must not leave a hundred megabytes behind.
  spawnGuard(directory, noServer, undefined);
  try {
    for (const name of copied) cpSync(join(root, name), join(directory, name), { recursive: true });
    for (const name of linked) symlinkSync(join(root, name), join(directory, name));
    const manifest = join(directory, 'package.json');
    writeFileSync(manifest, JSON.stringify({ ...JSON.parse(readFileSync(manifest, 'utf8')), version }, null, 2));
    for (const name of migrationFileNames) rmSync(join(directory, 'migrations', name));
    for (const [name, sql] of Object.entries(files)) writeFileSync(join(directory, 'migrations', name), sql);
    for (const [path, text] of Object.entries(sources)) writeFileSync(join(directory, path), text);
    await runScript(directory, 'generate.ts');
    if (runtime === 'binary') await runScript(directory, 'build.ts', '--outfile', binaryIn(directory));
    return directory;
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

async function runScript(directory: string, name: string, ...args: string[]): Promise<void> {
  try {
    await promisify(execFile)('bun', [`scripts/${name}`, ...args], { cwd: directory });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`scripts/${name} failed for a variant of the program:\n${stdout}${stderr}`, { cause: error });
  }
}

const binaryIn = (directory: string) => join(directory, 'catatlas');

function programIn(directory: string): [string, ...string[]] {
  if (runtime === 'binary') return [binaryIn(directory)];
  const [command, ...args] = commandLine([]);
  return [command, ...args.map((arg) => (arg === `${root}src/main.ts` ? join(directory, 'src/main.ts') : arg))];
}
