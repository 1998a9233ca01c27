// Makes the files of a release in dist/release: one executable for each system, what they are made of (catatlas.cdx.json, CycloneDX), and
// SHA256SUMS. `bun scripts/deploy/build-release.ts`, after `bun install` and `bun scripts/generate-assets.ts`. Runs anywhere: Bun brings the runtime of each system from npm.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import manifest from '../../package.json' with { type: 'json' };

/** The systems there is a release for, by the end of the file name, as Bun calls them. `baseline` runs on processors without AVX2. */
export const targets = {
  'linux-x64': 'bun-linux-x64-baseline',
  'linux-arm64': 'bun-linux-arm64',
  'linux-x64-musl': 'bun-linux-x64-musl',
  'linux-arm64-musl': 'bun-linux-arm64-musl',
  'macos-x64': 'bun-darwin-x64',
  'macos-arm64': 'bun-darwin-arm64',
  'windows-x64': 'bun-windows-x64',
  'windows-arm64': 'bun-windows-arm64',
} as const;

if (import.meta.main) {
  const { values } = parseArgs({ options: { only: { type: 'string', multiple: true } } });
  const folder = 'dist/release';
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [system, target] of Object.entries(targets)) {
    if (values.only !== undefined && !values.only.includes(system)) continue;
    const outfile = join(folder, `catatlas-${manifest.version}-${system}`);
    // The same bill each time: they differ in the runtime of their system only.
    const options = ['--target', target, '--outfile', outfile, '--bill', join(folder, 'catatlas.cdx.json')];
    execFileSync(process.execPath, ['scripts/build.ts', ...options], { stdio: 'inherit' });
  }
  const sums = readdirSync(folder)
    .sort()
    .map(
      (name) =>
        `${createHash('sha256')
          .update(readFileSync(join(folder, name)))
          .digest('hex')}  ${name}\n`,
    );
  writeFileSync(join(folder, 'SHA256SUMS'), sums.join(''));
  process.stdout.write(sums.join(''));
}
