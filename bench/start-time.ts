import { spawn } from 'node:child_process';
import { request } from 'node:http';
import { freePort } from '../test/harness/postgres.ts';

/** Milliseconds from exec until `path` answers 200. The program is stopped again. */
export async function timeStart(
  command: string,
  args: string[],
  { env, cwd, path }: { env: Record<string, string>; cwd: string; path: string },
): Promise<number> {
  const port = await freePort();
  const began = performance.now();
  const child = spawn(command, args, {
    cwd,
    env: { HOME: cwd, NODE_ENV: 'production', LOG_FORMAT: 'json', HOST: '127.0.0.1', ...env, PORT: String(port) },
    stdio: 'ignore',
  });
  while ((await statusOf(port, path)) !== 200) await new Promise((resolve) => setTimeout(resolve, 1));
  const took = performance.now() - began;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exited;
  return took;
}

function statusOf(port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    call.on('error', () => resolve(undefined));
    call.end();
  });
}

export const median = (values: number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Minimum, median and maximum of times in milliseconds, as a line. */
export function describeTimes(name: string, values: number[]): string {
  const [least, middle, most] = [Math.min(...values), median(values), Math.max(...values)].map((value) =>
    value.toFixed(1),
  );
  return `${name.padEnd(52)} min ${least}  median ${middle}  max ${most} ms`;
}
