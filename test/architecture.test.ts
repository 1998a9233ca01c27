// The rules of the house that a reader relies on: which room may know which. A broken one names the file and the import.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

const features = [
  'about',
  'accounts',
  'analysis',
  'cats',
  'comments',
  'entries',
  'geocoding',
  'health',
  'images',
  'insights',
  'map',
  'matching',
  'stats',
];

interface SourceFile {
  path: string;
  text: string;
  /** Relative imports as paths from the root; packages as they are named. */
  imports: string[];
}

const sources: SourceFile[] = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
  .map((name) => {
    const path = `src/${name.replaceAll('\\', '/')}`;
    const text = readFileSync(join(root, path), 'utf8');
    const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
    const named = [...code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
    const imports = named.map((one) => (one.startsWith('.') ? normalize(join(dirname(path), one)) : one));
    return { path, text: code, imports };
  });

const product = sources.filter(({ path }) => !path.endsWith('.test.ts'));
const room = (path: string) => (path.startsWith('src/') ? (path.split('/')[1] ?? '') : '');

function offences(files: SourceFile[], isOffence: (file: SourceFile, imported: string) => boolean): string[] {
  return files.flatMap((file) =>
    file.imports.filter((one) => isOffence(file, one)).map((one) => `${file.path} -> ${one}`),
  );
}

test('there are sources to look at', () => {
  assert.ok(product.length > 50, `found ${product.length}`);
  assert.ok(product.some(({ imports }) => imports.includes('src/errors.ts')));
});

test('Elysia is imported only in http/ and routes.ts', () => {
  const allowed = (path: string) => room(path) === 'http' || path.endsWith('/routes.ts');
  assert.deepEqual(
    offences(product, ({ path }, one) => /^(@elysiajs\/|elysia$)/.test(one) && !allowed(path)),
    [],
  );
});

test('Bun and Deno are named only in platform/', () => {
  const named = product.filter(
    ({ path, text }) => room(path) !== 'platform' && /(?<![\w.'"`/-])(?:Bun|Deno)\.[a-zA-Z]/.test(text),
  );
  assert.deepEqual(
    named.map(({ path }) => path),
    [],
  );
});

test('process.exit is only in main.ts', () => {
  const named = product.filter(({ path, text }) => path !== 'src/main.ts' && text.includes('process.exit('));
  assert.deepEqual(
    named.map(({ path }) => path),
    [],
  );
});

test('http/ knows no feature', () => {
  // Text rules are not a feature's business alone: white space means the same in every field.
  const allowed = 'src/analysis/whitespace.ts';
  assert.deepEqual(
    offences(product, ({ path }, one) => room(path) === 'http' && features.includes(room(one)) && one !== allowed),
    [],
  );
});

test('routes are imported by app.ts and features.ts only', () => {
  assert.deepEqual(
    offences(
      product,
      ({ path }, one) => one.endsWith('/routes.ts') && !['src/app.ts', 'src/features.ts'].includes(path),
    ),
    [],
  );
});

test('migrator/ and geo/ know nothing of HTTP and of features, archive/, import/ and seed/ nothing of HTTP', () => {
  assert.deepEqual(
    offences(
      product,
      ({ path }, one) =>
        ['migrator', 'archive', 'import', 'seed', 'geo'].includes(room(path)) &&
        (room(one) === 'http' || (['migrator', 'geo'].includes(room(path)) && features.includes(room(one)))),
    ),
    [],
  );
});

test('the rooms below know none of those above', () => {
  const above: Record<string, string[]> = {
    platform: ['commands', 'http', 'database', 'config', 'observability', 'migrator', ...features],
    config: ['commands', 'http', 'database', 'observability', 'migrator', ...features],
    observability: ['commands', 'http', 'database', 'migrator', ...features],
    database: ['commands', 'http', 'migrator', ...features],
    http: ['commands', 'migrator'],
    doctor: ['commands', 'http', 'archive', ...features],
  };
  assert.deepEqual(
    offences(
      product,
      ({ path }, one) => above[room(path)]?.includes(room(one)) === true && one !== 'src/analysis/whitespace.ts',
    ),
    [],
  );
  assert.deepEqual(
    offences(
      product,
      ({ path }, one) => room(one) === 'commands' && !['main.ts', 'subcommands.ts', 'commands'].includes(room(path)),
    ),
    [],
  );
});

test('there are no import circles', () => {
  const graph = new Map(product.map(({ path, text, imports }) => [path, typeOnlyRemoved(text, path, imports)]));
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, trail: string[]) => {
    if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
    if (trail.includes(path) || done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  assert.deepEqual(circles, []);
});

/** Imports that exist at run time: a circle of types alone is none. */
function typeOnlyRemoved(text: string, path: string, imports: string[]): string[] {
  const types = [...text.matchAll(/import type [^;]*?from '(\.[^']+)'/g)].map((match) =>
    normalize(join(dirname(path), match[1] ?? '')),
  );
  return imports.filter((one) => one.startsWith('src/') && !types.includes(one));
}

test('no file only passes on what others export', () => {
  const barrels = product.filter(({ text }) => /^export \* from /m.test(text) || /\/index\.ts$/.test(text));
  assert.deepEqual(
    barrels.map(({ path }) => path),
    [],
  );
});

test('names say what a file is for', () => {
  const empty = product.filter(({ path }) =>
    /(?:utils|helpers|common|manager|service|misc)[^/]*$/.test(relative('src', path)),
  );
  assert.deepEqual(
    empty.map(({ path }) => path),
    [],
  );
});

test('queries name their columns', () => {
  assert.deepEqual(
    product.filter(({ text }) => /select \*(\s|$)/i.test(text)).map(({ path }) => path),
    [],
  );
});
