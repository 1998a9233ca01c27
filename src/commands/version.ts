import { build } from '../build.ts';
import type { Command } from '../cli/command.ts';
import { ExitCode } from '../cli/exit-codes.ts';

export const command: Command = {
  description:
    'Prints what was compiled in: the version, the commit and the time of the build, and the runtime. APP_VERSION does not change it.',
  options: [{ name: 'json', purpose: 'Print a JSON object' }],
  exitCodes: [ExitCode.ok, ExitCode.usage],
  examples: [
    { line: 'catatlas version', purpose: 'for people' },
    { line: 'catatlas version --json', purpose: 'for programs' },
  ],
  async run(args, io) {
    const { version, commit, builtAt, runtime } = build;
    const platform = `${process.platform}-${process.arch}`;
    if (args.switches.has('json'))
      io.stdout(`${JSON.stringify({ name: 'catatlas', version, commit, builtAt, runtime, platform }, null, 2)}\n`);
    else {
      const origin = builtAt === null ? 'run from source' : `commit ${commit}, built ${builtAt}`;
      io.stdout(`catatlas ${version} (${origin}, ${runtime}, ${platform})\n`);
    }
    return ExitCode.ok;
  },
};
