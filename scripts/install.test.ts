import assert from 'node:assert/strict';
import { test } from 'node:test';
import manifest from '../package.json' with { type: 'json' };

const { scripts } = manifest;

test('installing runs nothing of ours, so that a clone keeps its git hooks until they are asked for', () => {
  const lifecycle = ['preinstall', 'install', 'postinstall', 'preprepare', 'prepare', 'postprepare'];
  assert.deepEqual(
    Object.keys(scripts).filter((name) => lifecycle.includes(name)),
    [],
  );
  assert.equal(scripts.hooks, 'lefthook install');
});

test('what a visitor runs first says how far it is, and installs only what the server needs', () => {
  for (const script of [scripts.start, scripts.seed])
    assert.match(script, /^bun scripts\/install\.ts --production && /);
  for (const script of [scripts.test, scripts.build]) assert.match(script, /^bun scripts\/install\.ts && /);
});

test('what the server and its assets import is installed with --production', async () => {
  const { readdirSync, readFileSync } = await import('node:fs');
  const packages = new Set(Object.keys(manifest.dependencies));
  const root = new URL('../src/', import.meta.url);
  const files = readdirSync(root, { recursive: true }).map(String);
  const sources = files.filter((name) => name.endsWith('.ts') && !/\.(test|fixture|d)\.ts$/.test(name));
  assert.ok(sources.length > 100);
  for (const [name, text] of [
    ...sources.map((file) => [file, readFileSync(new URL(file, root), 'utf8')] as const),
    ['generate-assets', readFileSync(new URL('generate-assets.ts', import.meta.url), 'utf8')] as const,
  ])
    for (const [, specifier = ''] of text.matchAll(/(?:^import [^'\n]*|^} from |import\()'([^'.][^']*)'/gm)) {
      if (/^(node|bun):/.test(specifier)) continue;
      const [first = '', second = ''] = specifier.split('/');
      const wanted = first.startsWith('@') ? `${first}/${second}` : first;
      // Types are gone when it runs.
      if (wanted === 'bun') continue;
      assert.ok(packages.has(wanted), `${name} imports ${specifier}`);
    }
});
