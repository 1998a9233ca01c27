// Connections, as a proxy in front of the server meets them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Client, clientOf } from '../harness/client.ts';
import { runtime } from '../harness/target.ts';
import { openWorkshop, type Workshop } from './process.ts';
import { openWire } from './wire.ts';

let workshop: Workshop;
let url: string;
let call: Client;

before(async () => {
  workshop = openWorkshop();
  const program = workshop.launch(['serve'], { env: { KEEP_ALIVE_SECONDS: '8' } });
  await program.logged('ready');
  url = await program.url();
  call = clientOf(url);
});
after(() => workshop.close());

// Deno 2.9.6 closes no idle connection.
test('an idle connection is closed after KEEP_ALIVE_SECONDS, and not before', {
  skip: runtime === 'deno',
}, async () => {
  const json = JSON.stringify({ text: 'Grey' });
  const requests = [
    'GET /health HTTP/1.1\r\nHost: server\r\n\r\n',
    `POST /entries HTTP/1.1\r\nHost: server\r\nContent-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n${json}`,
  ];
  // Bun counts in steps of four seconds.
  for (const seconds of await Promise.all(
    requests.map(async (request) => {
      const wire = await openWire(url);
      wire.send(request);
      assert.equal((await wire.read()).status, 200);
      const began = performance.now();
      await wire.closed;
      return (performance.now() - began) / 1000;
    }),
  ))
    assert.ok(seconds > 6 && seconds < 20, `${seconds} s`);
});

/** What a server says to what was sent as it is, until it closes or has said nothing for a second. */
async function exchange(
  request: string,
): Promise<{ status: number | undefined; body: string; headers: Map<string, string> }> {
  const wire = await openWire(url);
  wire.send(request);
  try {
    const { status, body, headers } = await Promise.race([
      wire.read(),
      wire.closed.then(() => Promise.reject(new Error('closed'))),
    ]);
    return { status, body, headers };
  } catch {
    return { status: undefined, body: '', headers: new Map() };
  } finally {
    wire.destroy();
  }
}

const origin = 'http://localhost:5173';

test('a method that no path could have is 501, as JSON and with CORS headers', async () => {
  // Of the others Bun 1.4.5 closes the connection: its parser knows the methods of a list.
  const methods = runtime === 'deno' ? ['PROPFIND', 'BREW', 'get'] : ['PROPFIND', 'PURGE', 'MKCOL'];
  for (const method of methods)
    for (const path of ['/entries', '/nothing', '/health']) {
      const answer = await exchange(`${method} ${path} HTTP/1.1\r\nHost: server\r\nOrigin: ${origin}\r\n\r\n`);
      assert.equal(answer.status, 501, `${method} ${path}: ${answer.body}`);
      const { code, retryable, request_id } = JSON.parse(answer.body);
      assert.deepEqual([code, retryable], ['METHOD_UNKNOWN', false]);
      assert.equal(answer.headers.get('x-request-id'), request_id);
      assert.equal(answer.headers.get('access-control-allow-origin'), origin);
    }
  assert.equal((await call('GET', '/health')).status, 200);
});

test('a request with two Hosts is 400', async () => {
  for (const hosts of ['Host: a\r\nHost: b\r\n', 'Host: a\r\nHost: a\r\n', 'Host: a\r\nX-Other: c\r\nHOST: b\r\n'])
    for (const path of ['/health', '/entries', '/nothing']) {
      const answer = await exchange(`GET ${path} HTTP/1.1\r\n${hosts}\r\n`);
      assert.equal(answer.status, 400, `${hosts} ${path}`);
      // Deno answers by itself, without a body.
      if (runtime !== 'deno') assert.equal(JSON.parse(answer.body).code, 'HOST_REPEATED');
    }
});
