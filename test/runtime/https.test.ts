// Strict-Transport-Security (RFC 6797): a promise that browsers keep for two years, so made only where it holds.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { openWorkshop, type Workshop } from './process.ts';

let workshop: Workshop;
let server: RunningPostgres;

before(async () => {
  workshop = openWorkshop();
  server = await startPostgres({ version: 18 });
});
after(async () => {
  await workshop.close();
  await server.stop();
});

/** Answers of every kind: early and late ones, pages, errors, preflights of both outcomes. */
const requests = [
  ['GET', '/', 200],
  ['GET', '/health', 200],
  ['GET', '/health/ready', 200],
  ['GET', '/entries', 200],
  ['HEAD', '/entries', 200],
  ['GET', '/swagger', 200],
  ['GET', '/swagger/json', 200],
  ['GET', '/entries/', 307],
  ['GET', '/nothing', 404],
  ['PUT', '/entries', 405],
  ['POST', '/entries', 422],
  ['POST', '/upload/image', 501],
  ['OPTIONS', '/entries', 204],
  ['OPTIONS', '/entries', 400, { origin: 'https://evil.example', 'access-control-request-method': 'POST' }],
  ['OPTIONS', '/entries', 200, { origin: 'https://catatlas.example', 'access-control-request-method': 'POST' }],
] as const;

/** The different values of the header in the answers to all of them. */
async function promises(url: string, forwarded: Record<string, string>): Promise<(string | null)[]> {
  const found = new Set<string | null>();
  for (const [method, path, status, headers] of requests) {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { ...(method === 'POST' ? { 'content-type': 'application/json' } : {}), ...headers, ...forwarded },
      redirect: 'manual',
      ...(method === 'POST' ? { body: '{}' } : {}),
    });
    await answer.arrayBuffer();
    assert.equal(answer.status, status, `${method} ${path}`);
    found.add(answer.headers.get('strict-transport-security'));
  }
  return [...found];
}

async function start(env: Record<string, string>): Promise<string> {
  const program = workshop.launch(['serve'], {
    env: { DATABASE_URL: await server.createDatabase(), ALLOWED_ORIGINS: 'https://catatlas.example', ...env },
  });
  await program.logged('ready');
  return await program.url();
}

test('production promises HTTPS in every answer to whom the proxy says came by it, for this host alone', async () => {
  const url = await start({ JWT_SECRET: '9f3b61c2d84e7a05b6c93d1e2f7a8450c1b2d3e4f5a69788' });
  assert.deepEqual(await promises(url, { 'x-forwarded-proto': 'https' }), ['max-age=63072000']);
  assert.deepEqual(await promises(url, { 'x-forwarded-proto': 'http' }), [null]);
  assert.deepEqual(await promises(url, {}), [null]);
});

test('development promises nothing: the promise would be for all that a developer serves at localhost', async () => {
  const url = await start({ DEBUG: 'True' });
  assert.deepEqual(await promises(url, { 'x-forwarded-proto': 'https' }), [null]);
});
