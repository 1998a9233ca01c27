import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIPv6 } from 'node:net';
import { type Command, type CommandIO, UsageError } from '../cli/command.ts';
import { ExitCode } from '../cli/exit-codes.ts';
import { readSettings, SettingsError } from '../config/settings.ts';

export const command: Command = {
  description:
    'Asks a running server at /health/live and prints one line. The address comes from HOST and PORT; a server that listens on every address is asked on this machine.\n\nWho restarts what fails a check (Docker, Kubernetes as liveness) must ask only whether the process lives: a restart does not bring a lost database back. To know whether to send requests, ask with --ready.',
  options: [
    { name: 'url', value: 'URL', purpose: 'The server to ask, or, with a path, exactly what to ask' },
    { name: 'ready', purpose: 'Ask at /health/ready instead: database, schema, not stopping' },
    { name: 'timeout', value: 'SECONDS', purpose: 'How long to wait for the answer (default: 3)' },
  ],
  settings: ['HOST', 'PORT'],
  exitCodes: [ExitCode.ok, ExitCode.failure, ExitCode.usage],
  examples: [
    { line: 'catatlas healthcheck', purpose: 'in a Dockerfile: HEALTHCHECK CMD ["/app/catatlas", "healthcheck"]' },
    {
      line: 'catatlas healthcheck --ready --url https://catatlas-api.fly.dev',
      purpose: 'is a server elsewhere ready?',
    },
  ],
  async run(args, io) {
    const path = args.switches.has('ready') ? '/health/ready' : '/health/live';
    const deadline = readTimeout(args.values['timeout']);
    const given = args.values['url'];
    const targets = given === undefined ? localTargets(io.env, path) : [givenTarget(given, path)];
    const started = performance.now();
    const failures: string[] = [];
    for (const target of targets) {
      // What is in front of @ may be a password.
      const shown = `${target.origin}${target.pathname}`;
      const left = deadline - (performance.now() - started);
      try {
        const status = await askStatus(target, left, io.shutdown);
        const line = `${shown} answered ${status} in ${Math.round(performance.now() - started)} ms\n`;
        if (status === 200) io.stdout(`healthy: ${line}`);
        else io.stderr(`unhealthy: ${line}`);
        return status === 200 ? ExitCode.ok : ExitCode.failure;
      } catch (error) {
        failures.push(`${shown}: ${explain(error, deadline)}`);
      }
    }
    io.stderr(`unhealthy: ${failures.join('; ')}\n`);
    return ExitCode.failure;
  },
};

function readTimeout(text = '3'): number {
  const seconds = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (seconds <= 0)
    throw new UsageError(`--timeout ${JSON.stringify(text)} is not a number of seconds`, 'Write it like --timeout 3.');
  return seconds * 1000;
}

function givenTarget(text: string, path: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new UsageError('--url is not an http or https address', 'Write it like --url http://127.0.0.1:8000.');
  return url.pathname === '/' ? new URL(path, url) : url;
}

/** Where the server of this environment answers. Looks at HOST and PORT only: other settings are the server's business. */
function localTargets(env: CommandIO['env'], path: string): URL[] {
  const { values, problems, warnings } = readSettings({ env });
  const { HOST: host, PORT: port } = values;
  const ours = problems.filter(({ name }) => name === 'HOST' || name === 'PORT');
  if (host === undefined || port === undefined) throw new SettingsError(ours, warnings);
  if (port === 0) throw new UsageError('PORT is 0, so the port is not known here', 'Name the server with --url.');
  return addressesOf(host).map(
    (address) => new URL(`http://${isIPv6(address) ? `[${address}]` : address}:${port}${path}`),
  );
}

/** The addresses at which a server that listens on `host` can be reached from this machine, the likeliest first. */
function addressesOf(host: string): string[] {
  if (host === '0.0.0.0') return ['127.0.0.1'];
  // :: takes IPv4 too, except where net.ipv6.bindv6only is on; and a container may have no IPv6 at all.
  if (isIPv6(host) && /^[0:]+$/.test(host)) return ['127.0.0.1', '::1'];
  return [host];
}

/** node:http and not fetch: fetch would go through the proxy of HTTP_PROXY, which cannot know this machine. */
function askStatus(url: URL, milliseconds: number, shutdown: AbortSignal): Promise<number> {
  const deadline = AbortSignal.timeout(Math.max(1, Math.ceil(milliseconds)));
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(
      url,
      {
        signal: AbortSignal.any([deadline, shutdown]),
        agent: false,
        headers: { 'user-agent': 'catatlas-healthcheck' },
      },
      (response) => {
        resolve(response.statusCode ?? 0);
        response.destroy();
      },
    );
    request.on('error', (error) => reject(deadline.aborted ? deadline.reason : error));
    request.end();
  });
}

function explain(error: unknown, deadline: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${deadline / 1000} s`;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  if (code === 'ENOTFOUND') return 'there is no such host';
  return error instanceof Error ? error.message || code || error.name : String(error);
}
