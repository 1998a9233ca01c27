import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { run } from './program.ts';

/**
 * fly.toml as it was at a commit, in a temporary file: going back means image and configuration together, or an older program gets
 * settings it does not know. The one of today when that commit, or the file in it, is not to be had.
 */
export async function configAt(commit: string | undefined, config: string): Promise<string> {
  if (commit !== undefined) {
    const { code, stdout } = await run('git', ['show', `${commit}:${config}`]);
    if (code === 0 && stdout !== '') {
      const file = join(mkdtempSync(join(tmpdir(), 'catatlas-deploy-')), basename(config));
      writeFileSync(file, stdout);
      return file;
    }
  }
  console.error(`${config} of ${commit ?? 'the version before'} is not to be had: that of today is used`);
  return config;
}

/** Is the commit part of what led to the other, and so older? No, when git does not know them. */
export async function isOlder(commit: string, than: string): Promise<boolean> {
  return commit !== than && (await run('git', ['merge-base', '--is-ancestor', commit, than])).code === 0;
}
