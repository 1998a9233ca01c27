import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';

/**
 * The name of the user that runs this process, or undefined where it has none, as in an image without /etc/passwd. Bun takes it from the
 * environment, and says `unknown` when that has none.
 */
export function findSystemUser(): string | undefined {
  try {
    const { uid, username } = userInfo();
    return findName(uid) ?? (username === 'unknown' ? undefined : username);
  } catch {
    return undefined;
  }
}

function findName(uid: number): string | undefined {
  try {
    const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
    return lines.map((line) => line.split(':')).find((fields) => fields[2] === String(uid))?.[0];
  } catch {
    return undefined;
  }
}
