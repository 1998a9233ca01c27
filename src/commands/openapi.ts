import { build } from '../build.ts';
import type { Command } from '../cli/command.ts';
import { ExitCode } from '../cli/exit-codes.ts';

export const command: Command = {
  description:
    'Prints the OpenAPI 3.1 document of the API as JSON, the same that a running server has at /swagger/json. Needs no database and no settings.',
  exitCodes: [ExitCode.ok, ExitCode.usage],
  examples: [{ line: 'catatlas openapi > openapi.json', purpose: 'keep it, for example to generate a client' }],
  async run(_args, io) {
    const { openApiDocument } = await import('../features.ts');
    io.stdout(`${JSON.stringify(await openApiDocument(build), null, 2)}\n`);
    return ExitCode.ok;
  },
};
