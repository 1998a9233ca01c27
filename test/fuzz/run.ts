// Fuzzes every operation of a running server with Schemathesis: `bun test/fuzz/run.ts [path of st]`. Fails on any 5xx, undocumented
// status or answer that does not fit the document. The server is the runtime and engine that CATATLAS_TEST_* name.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSite } from '../harness/server.ts';
import { root } from '../harness/target.ts';

const site = await openSite();
try {
  const server = await site.start();
  const args = ['--config-file', `${root}test/fuzz/schemathesis.toml`, 'run', `${server.url}/swagger/json`];
  const child = spawn(
    process.argv[2] ?? 'st',
    [...args, '--checks', 'all', '--phases', 'examples,coverage,fuzzing,stateful'],
    {
      stdio: 'inherit',
      cwd: root,
    },
  );
  const [code] = await once(child, 'exit');
  const errors = server.log.filter((line) => line['level'] === 'ERROR');
  for (const line of errors) console.error(JSON.stringify(line));
  process.exitCode = code === 0 && errors.length === 0 ? 0 : 1;
} finally {
  await site.close();
}
process.exit();
