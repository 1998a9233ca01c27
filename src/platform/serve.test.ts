import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { ListenError, serve } from './serve.ts';

test('what fetch does not answer, thrown at once or later, is answered by `failed`', async () => {
  const server = await serve({
    hostname: '127.0.0.1',
    port: 0,
    idleSeconds: 240,
    fetch(request) {
      if (request.method === 'GET') throw new Error('at once');
      return Promise.reject(new Error('later'));
    },
    failed: (request, error) => Response.json([request.url, String(error)], { status: 500 }),
  });
  try {
    const url = `http://127.0.0.1:${server.port}/a`;
    for (const [method, message] of [
      ['GET', 'at once'],
      ['POST', 'later'],
    ] as const) {
      const answer = await fetch(url, { method });
      assert.equal(answer.status, 500);
      assert.deepEqual(await answer.json(), [url, `Error: ${message}`]);
    }
  } finally {
    await server.abort();
  }
});

/** Answers with the method, the path and the body. */
const echo = () =>
  serve({
    hostname: '127.0.0.1',
    port: 0,
    idleSeconds: 240,
    fetch: async ({ method, url, body }) =>
      new Response(`${method} ${new URL(url).pathname} ${await new Response(body).text()}`),
    failed: (_request, error) => new Response(String(error), { status: 500 }),
  });

test('a request has a URL that can be parsed, and its body', async () => {
  const server = await echo();
  try {
    for (const head of ['HTTP/1.0', 'HTTP/1.1\r\nHost: [', 'HTTP/1.1\r\nHost: x:99999', 'HTTP/1.1\r\nHost: a b']) {
      const socket = connect(server.port, '127.0.0.1');
      socket.write(`POST /a/b?c ${head}\r\nConnection: close\r\nContent-Length: 5\r\n\r\nbytes`);
      const [start, body] = (await text(socket)).split('\r\n\r\n');
      assert.match(start ?? '', /^HTTP\/1\.[01] 200 /, head);
      assert.match(body ?? '', /POST \/a\/b bytes/, head);
    }
  } finally {
    await server.abort();
  }
});

test('bodies that are still arriving when the end begins arrive whole, and then it ends', async () => {
  const server = await echo();
  try {
    const started: Socket[] = [];
    for (let count = 0; count < 2; count++) {
      const socket = connect(server.port, '127.0.0.1');
      await once(socket, 'connect');
      socket.write('POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10\r\n\r\n12');
      started.push(socket);
    }
    // Answered by the same thread: what came before it has been read.
    assert.equal((await fetch(`http://127.0.0.1:${server.port}/`)).status, 200);
    let ended = false;
    const end = server.drain().then(() => {
      ended = true;
    });
    for (const socket of started) {
      for (const part of ['345', '67890']) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        assert.equal(ended, false);
        socket.write(part);
      }
      const [start, answer] = (await text(socket)).split('\r\n\r\n');
      assert.match(start ?? '', /^HTTP\/1\.1 200 /);
      assert.equal(answer, 'POST /a 1234567890');
    }
    await end;
    await assert.rejects(fetch(`http://127.0.0.1:${server.port}/`));
  } finally {
    await server.abort();
  }
});

test('an address or a name that is not of this machine is said in terms of the setting', async () => {
  const options = { port: 0, idleSeconds: 240, fetch: () => new Response(), failed: () => new Response() };
  for (const [hostname, message] of [
    ['no.such.host.invalid', /^the name no\.such\.host\.invalid leads to no address of this machine: set HOST /],
    ['192.0.2.1', /^this machine has no address 192\.0\.2\.1: set HOST /],
  ] as const)
    await assert.rejects(
      serve({ ...options, hostname }),
      (error) => error instanceof ListenError && message.test(error.message),
    );
});
