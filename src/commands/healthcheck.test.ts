import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { runCommandLine } from '../cli/command-line.ts';
import { commands } from './help.ts';

async function check(
  argv: readonly string[],
  env: Record<string, string> = {},
  shutdown = new AbortController().signal,
) {
  let [stdout, stderr] = ['', ''];
  const code = await runCommandLine(
    ['healthcheck', ...argv],
    {
      stdout: (text) => {
        stdout += text;
      },
      stderr: (text) => {
        stderr += text;
      },
      env,
      isTerminal: false,
      shutdown,
    },
    commands,
  );
  return { code, stdout, stderr };
}

/** Runs `act` with a server on 127.0.0.1 and the list of the paths that it was asked for. */
async function withServer(
  listener: RequestListener,
  act: (port: string, asked: string[]) => Promise<void>,
): Promise<void> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await act(String((server.address() as AddressInfo).port), asked);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const answer =
  (status: number): RequestListener =>
  (_request, response) =>
    response.writeHead(status).end('{}');

describe('healthcheck', () => {
  test('asks whether the server of this environment lives', async () => {
    await withServer(answer(200), async (port, asked) => {
      for (const host of ['127.0.0.1', '0.0.0.0', '::', 'localhost']) {
        const { code, stdout, stderr } = await check([], { HOST: host, PORT: port });
        assert.deepEqual({ code, stderr }, { code: 0, stderr: '' }, host);
        assert.match(stdout, new RegExp(`^healthy: http://[^ ]+:${port}/health/live answered 200 in \\d+ ms\n$`));
      }
      assert.deepEqual(new Set(asked), new Set(['/health/live']));
    });
  });

  test('asks for readiness, a given server, or a given path', async () => {
    await withServer(answer(200), async (port, asked) => {
      const base = `http://127.0.0.1:${port}`;
      for (const argv of [['--ready'], ['--url', base], ['--ready', `--url=${base}/`], ['--url', `${base}/health`]])
        assert.equal((await check(argv, { PORT: port })).code, 0);
      assert.deepEqual(asked, ['/health/ready', '/health/live', '/health/ready', '/health']);
    });
  });

  test('any other answer than 200 is unhealthy, on one line', async () => {
    for (const status of [204, 302, 404, 500, 503])
      await withServer(answer(status), async (port) => {
        const { code, stdout, stderr } = await check([], { PORT: port });
        assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
        assert.match(stderr, new RegExp(`^unhealthy: .* answered ${status} in \\d+ ms\n$`));
      });
  });

  test('no answer is unhealthy, in bounded time', async () => {
    await withServer(
      () => {},
      async (port) => {
        const { code, stderr } = await check(['--timeout', '0.2'], { PORT: port });
        assert.equal(code, 1);
        assert.match(stderr, /^unhealthy: .*: no answer within 0\.2 s\n$/);
      },
    );
    let free = '';
    await withServer(answer(200), async (port) => {
      free = port;
    });
    const { code, stderr } = await check([], { HOST: '::', PORT: free });
    assert.equal(code, 1);
    assert.match(stderr, /^unhealthy: http:\/\/127\.0\.0\.1.*nothing listens there; http:\/\/\[::1\].*\n$/);
  });

  test('goes past proxies', async () => {
    await withServer(answer(200), async (port) => {
      const names = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY'];
      const before = names.map((name) => process.env[name]);
      for (const name of names) process.env[name] = 'http://127.0.0.1:1';
      try {
        assert.equal((await check([], { PORT: port })).code, 0);
      } finally {
        for (const [index, name] of names.entries()) {
          const value = before[index];
          if (value === undefined) delete process.env[name];
          else process.env[name] = value;
        }
      }
    });
  });

  test('looks at HOST and PORT only', async () => {
    await withServer(answer(200), async (port) => {
      const env = { PORT: port, HOST: '127.0.0.1', LOG_LEVEL: 'loud', DEBUG: 'False', DATABASE_URL: 'sqlite:x' };
      assert.equal((await check([], env)).code, 0);
    });
    for (const [env, pattern] of [
      [{ PORT: 'x' }, /PORT \(environment variable\) "x"/],
      [{ HOST: '*' }, /HOST/],
      [{ PORT: '0' }, /--url/],
    ] as const) {
      const { code, stderr } = await check([], { ...env, LOG_LEVEL: 'loud' });
      assert.equal(code, 2);
      assert.match(stderr, pattern);
      assert.doesNotMatch(stderr, /LOG_LEVEL/);
    }
  });

  test('refuses a wrong address or time, and repeats no credentials', async () => {
    for (const argv of [
      ['--url', 'canary'],
      ['--url', 'ftp://canary@host'],
      ['--timeout', '0'],
      ['--timeout', '-1'],
      ['--timeout', '1e9'],
    ]) {
      const { code, stderr } = await check(argv);
      assert.equal(code, 2, argv.join(' '));
      assert.doesNotMatch(stderr, /canary/);
    }
    await withServer(answer(503), async (port) => {
      const { stderr } = await check(['--url', `http://user:canary@127.0.0.1:${port}/health?key=canary`]);
      assert.match(stderr, /answered 503/);
      assert.doesNotMatch(stderr, /canary/);
    });
  });

  test('ends when the process is told to', async () => {
    const controller = new AbortController();
    await withServer(
      () => controller.abort(),
      async (port) => {
        assert.equal((await check(['--timeout', '60'], { PORT: port }, controller.signal)).code, 1);
      },
    );
  });
});
