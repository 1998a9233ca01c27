// Makes every generated file that is committed, or with --check says which of them is out of date.
import { spawnSync } from 'node:child_process';

const generators = [
  'generate-migrations.ts',
  'generate-settings.ts',
  'generate-errors-doc.ts',
  'generate-rights-doc.ts',
];

for (const generator of generators) {
  const { status } = spawnSync('bun', [`${import.meta.dirname}/${generator}`, ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exitCode = 1;
}
