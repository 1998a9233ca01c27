// Makes the next file of migrations/: `bun run db:new add_colour_to_cats`.
import { readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseFileName } from '../src/migrator/header.ts';

const folder = fileURLToPath(new URL('../migrations/', import.meta.url));

const template = `-- compat: expand
-- What it does, and why.

alter table entries add column example text;

-- down:
alter table entries drop column example;
`;

const [name = '', ...rest] = process.argv.slice(2);
if (!/^[a-z][a-z0-9_]*$/.test(name) || rest.length > 0) {
  console.error(
    'Usage: bun run db:new NAME\nNAME says what it does, in lower case, with underscores: add_colour_to_cats',
  );
  process.exitCode = 2;
} else {
  const last = Math.max(
    0,
    ...readdirSync(folder).flatMap((file) => (file.endsWith('.sql') ? [parseFileName(file).version] : [])),
  );
  const file = `${String(last + 1).padStart(4, '0')}_${name}.sql`;
  // Fails when the file is there: nothing is ever overwritten.
  writeFileSync(`${folder}${file}`, template, { flag: 'wx' });
  console.log(`migrations/${file}\nWrite it, then: bun run generate`);
}
