import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Elysia } from 'elysia';
import { createSampleApp } from '../../test/harness/sample-app.ts';
import { buildDocument } from './openapi.ts';
import { documentation } from './swagger.ts';
import type { Asset } from './swagger-paths.ts';

const script = 'globalThis.loaded = true;';
const plain: Asset = { bytes: new TextEncoder().encode(script), encoding: 'identity' };
const packed: Asset = { bytes: new Uint8Array(gzipSync(script)), encoding: 'gzip' };

function get(app: { handle(request: Request): Promise<Response> }, path: string, headers: Record<string, string> = {}) {
  return app.handle(new Request(`http://localhost${path}`, { headers }));
}

/** The value of an attribute as a browser reads it. */
function attributeOf(html: string, name: string): string {
  const [, , value] = html.match(new RegExp(`${name}=(["'])([\\s\\S]*?)\\1`)) ?? [];
  assert.ok(value !== undefined, `${name} is in the page`);
  return value
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}

describe('/swagger', () => {
  test('is the page of the plugin, with a configuration that speaks to nobody else', async () => {
    const response = await get(
      createSampleApp(() => plain),
      '/swagger',
    );
    assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8');
    const html = await response.text();
    assert.match(html, /<title>CatAtlas API<\/title>/);
    assert.equal(new URL(attributeOf(html, 'data-url'), 'http://proxy/cats/swagger').pathname, '/cats/swagger/json');
    const configuration = JSON.parse(attributeOf(html, 'data-configuration'));
    assert.equal(configuration.telemetry, false);
    assert.equal(configuration.withDefaultFonts, false);
    assert.equal(configuration.agent.disabled, true);
    assert.equal(configuration.mcp.disabled, true);
    assert.equal(configuration.spec, undefined);
    assert.doesNotMatch(html.replaceAll('http%3A%2F%2Fwww.w3.org', ''), /https?:/);
  });

  test('allows by its policy the inline scripts of the page, by hash, and nothing from elsewhere', async () => {
    const response = await get(
      createSampleApp(() => plain),
      '/swagger',
    );
    const policy = response.headers.get('content-security-policy') ?? '';
    const html = await response.text();
    const inline = [...html.matchAll(/<script(?:\s+id="api-reference"[^>]*)?>([\s\S]*?)<\/script>/g)];
    const hashes = inline.map(
      ([, content]) => `'sha256-${createHash('sha256').update(String(content)).digest('base64')}'`,
    );
    assert.equal(hashes.length, 2);
    assert.ok(policy.includes(`script-src 'self' ${hashes.join(' ')};`), policy);
    assert.ok(policy.startsWith("default-src 'none';"), policy);
    assert.doesNotMatch(policy, /https?:|\*|unsafe-eval/);
  });

  test('survives a title and a summary that are hostile to HTML, in the page and in the document', async () => {
    const info = {
      title: `</title><script>alert('1')</script>`,
      summary: `"quoted" & 'single' <b>`,
      version: '1',
      description: `It's "here" & <there>`,
    };
    const document = () => buildDocument({ routes: [], info, tags: [] });
    const app = new Elysia().use(documentation({ document, script: () => plain }));
    const html = await (await get(app, '/swagger')).text();
    assert.equal(html.match(/<script/g)?.length, 3);
    assert.equal(attributeOf(html, 'content'), info.summary);
    const served = (await (await get(app, '/swagger/json')).json()) as { info: unknown };
    assert.deepEqual(served.info, { ...info, license: { name: 'MIT', identifier: 'MIT' } });
  });

  test('is revalidated by its tag', async () => {
    const app = createSampleApp(() => plain);
    for (const path of ['/swagger', '/swagger/json', '/docs/errors']) {
      const etag = (await get(app, path)).headers.get('etag') ?? '';
      assert.match(etag, /^"[0-9a-f]{32}"$/);
      const again = await get(app, path, { 'if-none-match': `"other", W/${etag}` });
      assert.equal(again.status, 304, path);
      assert.equal(await again.text(), '');
      assert.equal((await get(app, path, { 'if-none-match': '"other"' })).status, 200);
    }
  });

  test('replaces the headers that the server sets for every answer, and does not repeat them', async () => {
    const app = new Elysia()
      .onRequest(({ set }) => {
        set.headers['content-security-policy'] = "default-src 'none'";
        set.headers['x-content-type-options'] = 'nosniff';
        set.headers['x-request-id'] = 'abc';
      })
      .use(createSampleApp(() => plain));
    const { headers } = await get(app, '/swagger');
    assert.match(headers.get('content-security-policy') ?? '', /^default-src 'none'; script-src 'self'/);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('x-request-id'), 'abc');
  });
});

describe('/swagger/json', () => {
  test('is the document', async () => {
    const app = createSampleApp(() => plain);
    const response = await get(app, '/swagger/json');
    assert.equal(response.headers.get('content-type'), 'application/json');
    const expected = JSON.stringify(await app.document()).replace('http://127.0.0.1:8000', 'http://localhost');
    assert.deepEqual(await response.json(), JSON.parse(expected));
  });

  const commandFor = async (url: string, headers: Record<string, string> = {}) => {
    const app = createSampleApp(() => plain);
    const answer = await app.handle(new Request(`${url}/swagger/json`, { headers }));
    const { info } = (await answer.json()) as { info: { description: string } };
    return { command: /curl (\S+)/.exec(info.description)?.[1], tag: answer.headers.get('etag') };
  };

  test('sends the commands in it to where it was read', async () => {
    for (const [url, headers, expected] of [
      ['http://127.0.0.1:4321', {}, 'http://127.0.0.1:4321/entries'],
      ['http://[::1]:8000', {}, 'http://[::1]:8000/entries'],
      ['http://cats.example', { 'x-forwarded-proto': 'https' }, 'https://cats.example/entries'],
      ['http://cats.example', { 'x-forwarded-prefix': '/api/v1/' }, 'http://cats.example/api/v1/entries'],
    ] as const)
      assert.equal((await commandFor(url, headers)).command, expected);
    assert.notEqual((await commandFor('http://one.example')).tag, (await commandFor('http://two.example')).tag);
  });

  test('puts nothing odd into a command', async () => {
    for (const prefix of ['/$(reboot)', '/a;reboot', '/a"', '//evil.example', '/a b'])
      assert.equal(
        (await commandFor('http://cats.example', { 'x-forwarded-prefix': prefix })).command,
        'http://127.0.0.1:8000/entries',
      );
    assert.equal((await commandFor("http://a'b.example")).command, 'http://127.0.0.1:8000/entries');
  });
});

describe('/swagger/assets/scalar.js', () => {
  const pathOf = async (app: ReturnType<typeof createSampleApp>) => {
    const [, reference] = (await (await get(app, '/swagger')).text()).match(/src="([^"]+)"/) ?? [];
    const { pathname, search } = new URL(String(reference), 'http://localhost/swagger');
    const path = `${pathname}${search}`;
    return String(path);
  };

  test('is kept for ever under the address that the page gives it, and not under another', async () => {
    const app = createSampleApp(() => plain);
    const path = await pathOf(app);
    const response = await get(app, path);
    assert.equal(await response.text(), script);
    assert.equal(response.headers.get('cache-control'), 'public, max-age=31536000, immutable');
    assert.equal((await get(app, '/swagger/assets/scalar.js')).headers.get('cache-control'), 'no-cache');
    const etag = response.headers.get('etag') ?? '';
    assert.equal((await get(app, path, { 'if-none-match': etag })).status, 304);
  });

  test('is sent compressed to those who accept that, and plain to the others', async () => {
    const app = createSampleApp(() => packed);
    const path = await pathOf(app);
    for (const accepted of ['gzip', 'br, GZIP;q=0.5', '*']) {
      const response = await get(app, path, { 'accept-encoding': accepted });
      assert.equal(response.headers.get('content-encoding'), 'gzip', accepted);
      assert.deepEqual(new Uint8Array(await response.arrayBuffer()), packed.bytes);
    }
    for (const accepted of ['', 'br', 'gzip;q=0', '*, gzip;q=0', 'identity']) {
      const response = await get(app, path, { 'accept-encoding': accepted });
      assert.equal(response.headers.get('content-encoding'), null, accepted);
      assert.equal(await response.text(), script);
      assert.equal(response.headers.get('vary'), 'Accept-Encoding, Origin');
    }
  });
});

test('redirects from where clients of the first server look', async () => {
  const app = createSampleApp(() => plain);
  for (const [from, to] of [
    ['/docs', '/swagger'],
    ['/redoc', '/swagger'],
    ['/openapi.json', '/swagger/json'],
  ] as const) {
    const response = await get(app, from);
    assert.equal(response.status, 308);
    const location = response.headers.get('location') ?? '';
    assert.equal(new URL(location, `http://localhost${from}`).pathname, to);
    assert.equal(new URL(location, `http://localhost/prefix${from}`).pathname, `/prefix${to}`);
  }
});

test('the page about errors explains every code, without a script', async () => {
  const response = await get(
    createSampleApp(() => plain),
    '/docs/errors',
  );
  const html = await response.text();
  const [, style] = html.match(/<style>([\s\S]*?)<\/style>/) ?? [];
  const hash = createHash('sha256').update(String(style)).digest('base64');
  assert.ok(response.headers.get('content-security-policy')?.includes(`style-src 'sha256-${hash}';`));
  assert.match(html, /<section id="cat_not_found">/);
  assert.doesNotMatch(html, /<script/);
});

test('loads document and script at the first request, once, and again after a failure', async () => {
  const calls = { document: 0, script: 0 };
  const app = new Elysia().use(
    documentation({
      document: () => {
        calls.document += 1;
        if (calls.document === 1) throw new Error('not this time');
        return buildDocument({ routes: [], info: { title: 'T', version: '1', description: 'D' }, tags: [] });
      },
      script: () => {
        calls.script += 1;
        return plain;
      },
    }),
  );
  assert.deepEqual(calls, { document: 0, script: 0 });
  assert.equal((await get(app, '/swagger')).status, 500);
  const answers = await Promise.all(['/swagger', '/swagger/json', '/swagger'].map((path) => get(app, path)));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200],
  );
  assert.deepEqual(calls, { document: 2, script: 1 });
});
