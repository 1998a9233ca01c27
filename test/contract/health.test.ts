import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { type Client, clientOf } from '../harness/client.ts';
import { openSite, type Site } from '../harness/server.ts';
import { root, runtime } from '../harness/target.ts';
import { assertError, assertInvalid, assertKeys, bodyOf } from './answers.ts';

// What the server says about itself, and what it says it does not do: contract 4.1 and 7.

let site: Site;
let url: string;
let call: Client;

before(async () => {
  site = await openSite();
  url = (await site.start()).url;
  call = clientOf(url);
});
after(() => site.close());

test('/health and /health/live are exactly {"status":"ok"}', async () => {
  for (const path of ['/health', '/health/live', '/health?x=1']) {
    const answer = await call('GET', path);
    assert.equal(answer.status, 200);
    assert.equal(answer.text, '{"status":"ok"}', path);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
  }
});

test('/health/ready names each check', async () => {
  const report = bodyOf(await call<ReadinessReport>('GET', '/health/ready'));
  assertKeys(report, ['status', 'checks']);
  assert.equal(report.status, 'ready');
  assertKeys(report.checks, ['database', 'schema', 'accepting']);
  for (const [name, check] of Object.entries(report.checks)) {
    assertKeys(check, ['ok', 'message']);
    assert.equal(check.ok, true, name);
    assert.ok(check.message.length > 0, name);
  }
  assert.match(report.checks['database']?.message ?? '', /\d+ ms/);
  assert.match(report.checks['schema']?.message ?? '', /version \d+/);
});

interface ReadinessReport {
  status: string;
  checks: Record<string, { ok: boolean; message: string }>;
}

test('/health/geocoding says that there is no geocoder', async () => {
  assert.deepEqual(bodyOf(await call('GET', '/health/geocoding')), {
    service: 'nominatim',
    circuit_state: 'closed',
    failure_count: 0,
    last_failure: null,
    status: 'unavailable',
  });
});

test('/version is what is running', async () => {
  const version = bodyOf(await call('GET', '/version'));
  assertKeys(version, ['name', 'version', 'commit', 'built_at', 'runtime']);
  const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string };
  assert.equal(version['name'], 'CatAtlas API');
  assert.equal(version['version'], manifest.version);
  assert.match(String(version['runtime']), runtime === 'deno' ? /^deno \d/ : /^bun \d/);
  if (runtime === 'binary') {
    assert.ok(!Number.isNaN(Date.parse(String(version['built_at']))));
    assert.notEqual(version['commit'], 'source');
  } else {
    assert.equal(version['built_at'], null);
    assert.equal(version['commit'], 'source');
  }
});

test('/ is a page for people and JSON for programs', async () => {
  const links = { docs: '/swagger', openapi: '/swagger/json', health: '/health', version_url: '/version' };
  for (const accept of ['*/*', 'application/json']) {
    const answer = await call('GET', '/', { headers: { accept } });
    const { name, version, ...rest } = bodyOf(answer);
    assert.equal(name, 'CatAtlas API');
    assert.equal(typeof version, 'string');
    assert.deepEqual(rest, links);
    assert.match(answer.headers.get('vary') ?? '', /accept/i);
  }
  const page = await call('GET', '/', { headers: { accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8' } });
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-type') ?? '', /^text\/html; ?charset=utf-8/i);
  assert.match(page.headers.get('vary') ?? '', /accept/i);
  assert.match(page.text, /^<!doctype html>/);
  assert.ok(page.text.includes('CatAtlas API'));
  const targets = [...page.text.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, target]) => {
    // Behind a proxy that takes a prefix off, each leads to the same place there.
    assert.match(new URL(String(target), 'https://proxy.example/cats/').href, /^https:\/\/proxy\.example\/cats\//);
    return new URL(String(target), `${url}/`).href.replace(url, '');
  });
  for (const path of [links.docs, links.openapi, links.version_url]) assert.ok(targets.includes(path), path);
  for (const target of targets) {
    assert.match(target, /^\/[^/]/, 'nothing from elsewhere');
    assert.equal((await call('GET', target)).status, 200, target);
  }
});

test('clients of the first server find the documentation', async () => {
  for (const [path, location] of [
    ['/docs', '/swagger'],
    ['/redoc', '/swagger'],
    ['/openapi.json', '/swagger/json'],
  ] as const) {
    const answer = await call('GET', path);
    assert.equal(answer.status, 308, path);
    const found = new URL(answer.headers.get('location') ?? '', `${url}${path}`);
    assert.equal(found.pathname, location);
  }
  const document = bodyOf(await call<ApiDocument>('GET', '/openapi.json', { redirect: 'follow' }));
  assert.match(document.openapi, /^3\.1\./);
  assert.equal(document.info.title, 'CatAtlas API');
});

interface ApiDocument {
  openapi: string;
  info: { title: string };
  paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
}

test('photos are 501, whatever is sent, and the document says so', async () => {
  const document = bodyOf(await call<ApiDocument>('GET', '/swagger/json'));
  const form = (part: string, bytes: number) => {
    const data = new FormData();
    data.set('text', '[update] {seen} again');
    data.set(part, new File([new Uint8Array(bytes)], 'cat.jpg', { type: 'image/jpeg' }));
    return data;
  };
  for (const [method, path, part] of [
    ['POST', '/entries/with-image', 'image'],
    ['PATCH', '/entries/{entry_id}/image', 'image'],
    ['POST', '/upload/image', 'file'],
  ] as const) {
    assert.ok(document.paths[path]?.[method.toLowerCase()]?.responses['501'], path);
    // fetch makes the content type of a form, with its boundary.
    const odd = part === 'image' && method === 'POST' ? [] : [undefined, 'not a form', '{"a":'];
    for (const body of [...odd, form(part, 10), form(part, 3_000_000)]) {
      const response = await fetch(`${url}${path.replace('{entry_id}', '7')}`, { method, ...(body ? { body } : {}) });
      assert.equal(response.status, 501, path);
      const { detail, message, code, retryable } = (await response.json()) as Record<string, unknown>;
      const words = 'Uploading photos is not available in this version of the server';
      assert.deepEqual(
        { detail, message, code, retryable },
        { detail: words, message: words, code: 'NOT_IMPLEMENTED', retryable: false },
      );
    }
  }
  assertInvalid(await call('PATCH', '/entries/abc/image'), ['int_parsing', 'path', 'entry_id']);
  assertError(await call('GET', '/upload/image'), 405, 'METHOD_NOT_ALLOWED', 'Method Not Allowed');
});
