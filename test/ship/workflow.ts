import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../harness/target.ts';

export interface Step {
  name?: string;
  uses?: string;
  run?: string;
  shell?: string;
  if?: string;
  with?: Record<string, unknown>;
  env?: Record<string, string>;
}

export interface Job {
  needs?: string | string[];
  if?: string;
  environment?: string;
  permissions?: Record<string, string>;
  concurrency?: unknown;
  'timeout-minutes'?: number;
  /** Set when the job is another workflow. */
  uses?: string;
  secrets?: unknown;
  strategy?: { matrix: { include: Record<string, string>[] } };
  env?: Record<string, string>;
  steps?: Step[];
}

export interface Workflow {
  on: Record<string, { branches?: string[] } | null>;
  permissions: object;
  concurrency: { group: string; 'cancel-in-progress': boolean | string };
  defaults?: { run?: { shell?: string } };
  jobs: Record<string, Job>;
}

const folder = join(root, '.github/workflows');

/** The text of each workflow, by file name. */
export const texts: ReadonlyMap<string, string> = new Map(
  readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
);

/** Each workflow, by file name. */
export const workflows: ReadonlyMap<string, Workflow> = new Map(
  [...texts].map(([name, text]) => [name, Bun.YAML.parse(text) as Workflow]),
);

/** The workflow in a file. Throws when there is none. */
export function workflowOf(name: string): Workflow {
  const workflow = workflows.get(name);
  if (!workflow) throw new Error(`there is no workflow ${name}`);
  return workflow;
}

/** A job of a workflow. Throws when there is none. */
export function jobOf(name: string, id: string): Job {
  const job = workflowOf(name).jobs[id];
  if (!job) throw new Error(`${name} has no job ${id}`);
  return job;
}

/** Every job of every workflow, with a name for messages. */
export function allJobs(): { where: string; workflow: string; id: string; job: Job }[] {
  return [...workflows].flatMap(([name, { jobs }]) =>
    Object.entries(jobs).map(([id, job]) => ({ where: `${name}: ${id}`, workflow: name, id, job })),
  );
}

/** The jobs that have to end before this one begins, those before them too. */
export function allNeeds(workflow: Workflow, id: string): Set<string> {
  const direct = [workflow.jobs[id]?.needs ?? []].flat();
  return new Set(direct.flatMap((one) => [one, ...allNeeds(workflow, one)]));
}

/** The secrets that a part of a workflow names, but for the token that every run has. */
export function secretsOf(part: unknown): string[] {
  const names = [...JSON.stringify(part).matchAll(/secrets\.(\w+)/g)].map(([, name]) => name ?? '');
  return [...new Set(names)].filter((name) => name !== 'GITHUB_TOKEN');
}

/** How a runner starts what stands behind `run`: https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax. */
export function shellOf(workflow: Workflow, step: Step): string[] {
  const shell = step.shell ?? workflow.defaults?.run?.shell;
  if (shell === undefined) return ['bash', '-e'];
  if (shell === 'bash') return ['bash', '--noprofile', '--norc', '-eo', 'pipefail'];
  throw new Error(`no way to start ${shell} here`);
}
