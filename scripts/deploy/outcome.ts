import { appendFileSync } from 'node:fs';

/** What became of a deployment, its exit code, and what it means for whoever reads the run. */
export const outcomes = {
  shipped: { code: 0, meaning: 'The new version serves and passed the smoke test.' },
  'rolled back': { code: 0, meaning: 'The version that was asked for serves again and passed the smoke test.' },
  back: {
    code: 0,
    meaning: 'The version that was asked for is deployed again. Whether it works is still to be proved.',
  },
  refused: { code: 1, meaning: 'Nothing was changed.' },
  unchanged: {
    code: 1,
    meaning: 'The deployment failed before it changed a machine. The old version serves and passed the smoke test.',
  },
  reverted: { code: 1, meaning: 'The new version was bad. The old one serves again and passed the smoke test.' },
  'nothing to go back to': {
    code: 3,
    meaning: 'The new version is bad, and there is no other. Somebody has to look now.',
  },
  stuck: {
    code: 3,
    meaning: 'The way back failed, or the old version does not pass either. Somebody has to look now.',
  },
  'not measured': {
    code: 4,
    meaning: 'From here it could not be told whether what is live works. Nothing more was done. Look by hand.',
  },
} as const;
export type Outcome = keyof typeof outcomes;

/** Says how it ended: on the terminal and, in a workflow, in its summary and as the output `outcome`. Returns the exit code. */
export function conclude(outcome: Outcome, details: readonly string[], env: NodeJS.ProcessEnv = process.env): number {
  const { code, meaning } = outcomes[outcome];
  console.log(`\n${outcome}: ${meaning}`);
  for (const line of details) console.log(`  ${line}`);
  writeOutput('outcome', outcome, env);
  if (env['GITHUB_STEP_SUMMARY'])
    appendFileSync(
      env['GITHUB_STEP_SUMMARY'],
      `### ${outcome}\n\n${meaning}\n\n${details.map((line) => `- ${line}\n`).join('')}`,
    );
  return code;
}

/** Sets an output of the step, in a workflow. */
export function writeOutput(name: string, value: string, env: NodeJS.ProcessEnv = process.env): void {
  if (env['GITHUB_OUTPUT']) appendFileSync(env['GITHUB_OUTPUT'], `${name}=${value}\n`);
}
