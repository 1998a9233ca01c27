// What a client calls the server, or that it says nothing: no reason to fail, and none to be left out of log and metrics.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { eventually, openWorkshop, type Program, type Workshop } from './process.ts';
import { metricsUrl, scrape } from './scrape.ts';
import { openWire } from './wire.ts';

let workshop: Workshop;
let program: Program;
let url: string;

before(async () => {
  workshop = openWorkshop();
  program = workshop.launch(['serve'], { env: { METRICS_PORT: '0' } });
  await program.logged('ready');
  url = await program.url();
});
after(() => workshop.close());

/** The answer to a head of a request as it is, without what ends it. */
async function ask(to: string, head: string) {
  const wire = await openWire(to);
  try {
    wire.send(`${head}\r\n\r\n`);
    return await wire.read();
  } finally {
    wire.destroy();
  }
}

/** Heads of requests for this path, of which none has a Host that is one. */
const heads = (method: string, path: string) => [
  `${method} ${path} HTTP/1.0`,
  `${method} ${path} HTTP/1.0\r\nHost:`,
  ...[
    '',
    'a b',
    'x:99999',
    '1.2.3.4.5',
    '[',
    'a/b',
    'a?b',
    'a#b',
    'u:p@h',
    'http://x',
    '::1',
    '%',
    '<>',
    'é',
    'x:99999/swagger',
  ].map((host) => `${method} ${path} HTTP/1.1\r\nHost: ${host}`),
];

/** The line of the log about the request of this id. */
const lineOf = (id: string) =>
  eventually('a line of the access log', () =>
    program.log.find((line) => line.message === 'request' && line['request_id'] === id),
  );

describe('without a usable Host', () => {
  for (const [method, path, status, route] of [
    ['GET', '/health', 200, '/health'],
    ['GET', '/health/ready?a=1', 200, '/health/ready'],
    ['GET', '/entries?limit=1', 200, '/entries'],
    ['PUT', '/entries', 405, undefined],
    ['GET', '/nothing/here', 404, undefined],
  ] as const)
    test(`${method} ${path} is answered as with any other, and logged`, async () => {
      for (const head of heads(method, path)) {
        const id = randomUUID();
        const answer = await ask(url, `${head}\r\nX-Request-Id: ${id}\r\nOrigin: http://localhost:5173`);
        assert.equal(answer.status, status, `${head}: ${answer.body}`);
        assert.match(answer.headers.get('content-type') ?? '', /^application\/json/, head);
        assert.equal(answer.headers.get('x-request-id'), id, head);
        assert.equal(answer.headers.get('access-control-allow-origin'), 'http://localhost:5173', head);
        JSON.parse(answer.body);
        const line = await lineOf(id);
        assert.equal(line['status'], status, head);
        if (route === undefined) assert.equal(line['path'], path, head);
        else assert.equal(line['route'], route, head);
      }
    });

  test('it is counted', async () => {
    const count = async () =>
      (await scrape(await metricsUrl(program))).samples.get(
        'catatlas_http_requests_total{method="GET",route="/health/live",status="200"}',
      ) ?? 0;
    const earlier = await count();
    const all = heads('GET', '/health/live');
    for (const head of all) await ask(url, head);
    assert.equal(await count(), earlier + all.length);
  });

  test('a redirect stays on this server', async () => {
    for (const head of heads('GET', '/entries/?limit=1')) {
      const { status, headers } = await ask(url, head);
      assert.deepEqual([status, headers.get('location')], [307, '../entries?limit=1'], head);
    }
  });

  test('the metrics are at their port too', async () => {
    for (const head of heads('GET', '/metrics')) {
      const { status, body } = await ask(await metricsUrl(program), head);
      assert.equal(status, 200, `${head}: ${body}`);
    }
  });
});

test('odd request lines are the fault of who sent them', async () => {
  for (const head of [
    'GET http://x:99999/nothing HTTP/1.1\r\nHost: localhost',
    'GET //[/x HTTP/1.0',
    'GET //evil:99999/health HTTP/1.1\r\nHost: [',
    'CONNECT a:80 HTTP/1.1\r\nHost: a:80',
    'CONNECT [ HTTP/1.1\r\nHost: [',
    'TRACE / HTTP/1.1\r\nHost: [',
    'OPTIONS * HTTP/1.0',
  ]) {
    const { socket, destroy } = await openWire(url);
    socket.write(`${head}\r\n\r\n`);
    // Not read to its end: where a runtime refuses by itself, its answer has no length.
    const [start] = (await once(socket, 'data')) as [Buffer];
    assert.match(start.toString('latin1'), /^HTTP\/1\.[01] 4\d\d /, head);
    destroy();
  }
});

test('none of it was a failure', () => {
  assert.deepEqual(
    program.log.filter((line) => line['level'] === 'ERROR'),
    [],
  );
});
