// What documents point to is there: files, headings of other pages, and the tests and sources that they name as evidence.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const pages = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...['docs', 'loadtest', 'bench'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name.replaceAll('\\', '/')}`),
  ),
];
const read = (page: string) => readFileSync(join(root, page), 'utf8');

/** Text without blocks of code, where a bracket is a bracket and a # is a comment. */
const proseOf = (page: string) => read(page).replace(/^ *```[\s\S]*?^ *```/gm, '');

/** The anchors of a page: of its headings, as GitHub makes them, and those that are written out. */
function anchorsOf(page: string): Set<string> {
  const headings = [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{Letter}\p{Number}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
  return new Set([...headings, ...[...read(page).matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id)]);
}

test('links lead to files that are there, and to headings that they have', () => {
  const dead: string[] = [];
  let followed = 0;
  for (const page of pages) {
    for (const [, link = ''] of proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      followed += 1;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(root, target))) dead.push(`${page}: ${link}`);
      else if (anchor !== undefined && !anchorsOf(target).has(anchor)) dead.push(`${page}: ${link}, no such heading`);
    }
  }
  assert.deepEqual(dead, []);
  assert.ok(followed > 50, `${followed} links`);
});

test('files that are named are there; of tests their name is enough', () => {
  const tests = new Set(
    ['src', 'test', 'scripts']
      .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }))
      .map((path) => basename(path)),
  );
  const missing: string[] = [];
  let named = 0;
  for (const page of pages) {
    for (const [, name = ''] of proseOf(page).matchAll(/`([\w./-]+)`/g)) {
      const isPath = /^(src|test|scripts|docs|deploy|smoke|loadtest|\.github)\//.test(name);
      const isTest = /^[\w-]+\.test\.ts$/.test(name);
      if (isPath || isTest) named += 1;
      if ((isPath && !existsSync(join(root, name))) || (isTest && !tests.has(name))) missing.push(`${page}: ${name}`);
    }
  }
  assert.deepEqual(missing, []);
  assert.ok(named > 30, `${named} names`);
});
