import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/** One line of a Dockerfile, continuations joined: `RUN`, and what follows it. */
export interface Instruction {
  name: string;
  text: string;
}

/** A FROM and what follows it up to the next. */
export interface Stage {
  base: string;
  name: string | undefined;
  instructions: Instruction[];
}

/** The stages of a Dockerfile. Understands what ours uses, and throws at anything before the first FROM. */
export function parseDockerfile(source: string): Stage[] {
  const lines = source
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line))
    .join('\n')
    .replace(/\\\n\s*/g, ' ')
    .split('\n');
  const stages: Stage[] = [];
  for (const line of lines) {
    const [, name = '', text = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    const from = /^(?:--platform=\S+\s+)?(\S+)(?:\s+AS\s+(\S+))?$/i.exec(text);
    if (name === 'FROM' && from) stages.push({ base: from[1] ?? '', name: from[2], instructions: [] });
    else {
      const stage = stages.at(-1);
      if (name === '' || !stage) throw new Error(`not understood in the Dockerfile: ${line}`);
      stage.instructions.push({ name, text });
    }
  }
  return stages;
}

/** Does .dockerignore keep this path (relative to the context) out of the build? The last line that fits decides. */
export function isIgnored(path: string, dockerignore: string): boolean {
  let ignored = false;
  for (const line of dockerignore.split('\n')) {
    const pattern = line.trim();
    if (pattern === '' || pattern.startsWith('#')) continue;
    const negated = pattern.startsWith('!');
    const expression = pattern
      .slice(negated ? 1 : 0)
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replace(/\*\*\/|\*/g, (star) => (star === '*' ? '[^/]*' : '(?:.*/)?'));
    // What fits a folder fits everything in it.
    if (new RegExp(`^${expression}(/.*)?$`).test(path)) ignored = !negated;
  }
  return ignored;
}

/**
 * Does what a stage says (WORKDIR, ENV, ARG, COPY, RUN) in a folder of this machine instead of a container, with only what
 * .dockerignore lets through. Returns the folder that stands for WORKDIR.
 */
export function runStage(stage: Stage, context: string, folder: string, given: Record<string, string>): string {
  const dockerignore = readFileSync(join(context, '.dockerignore'), 'utf8');
  const env: Record<string, string> = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? folder };
  let workdir = '';
  for (const { name, text } of stage.instructions) {
    if (name === 'WORKDIR') {
      workdir = text;
      mkdirSync(join(folder, workdir), { recursive: true });
    } else if (name === 'ENV' || name === 'ARG') {
      const [key = '', ...value] = text.split('=');
      const chosen = name === 'ARG' ? (given[key] ?? value.join('=')) : value.join('=');
      if (chosen !== '') env[key] = chosen;
    } else if (name === 'COPY') {
      const sources = text.split(/\s+/);
      const target = join(folder, workdir, sources.pop() ?? '');
      for (const source of sources) {
        const from = join(context, source);
        cpSync(from, sources.length === 1 && statSync(from).isDirectory() ? target : join(target, source), {
          recursive: true,
          filter: (path) => statSync(path).isDirectory() || !isIgnored(relative(context, path), dockerignore),
        });
      }
    } else if (name === 'RUN') {
      const here = text.replaceAll(`${workdir}/`, `${join(folder, workdir)}/`);
      const run = () =>
        execFileSync('/bin/sh', ['-c', here], {
          cwd: join(folder, workdir),
          env,
          stdio: ['ignore', 'ignore', 'inherit'],
        });
      try {
        run();
      } catch {
        // It fetches from the network, which fails for a moment now and then, and can be repeated.
        run();
      }
    } else throw new Error(`not understood in a stage that is run here: ${name}`);
  }
  return join(folder, workdir);
}

/** The words of an instruction in exec form, `["a", "b"]`. Throws on shell form: there is no shell. */
export function execForm(stage: Stage, name: string): string[] {
  const text = textOf(stage, name);
  const list = /\[.*\]$/.exec(text)?.[0];
  if (list === undefined) throw new Error(`${name} ${text}: not in exec form, and the image has no shell`);
  return JSON.parse(list) as string[];
}

/** What follows each instruction of this name. */
export function textsOf(stage: Stage, name: string): string[] {
  return stage.instructions.filter((instruction) => instruction.name === name).map(({ text }) => text);
}

/** What follows the only instruction of this name. */
export function textOf(stage: Stage, name: string): string {
  const [text, ...more] = textsOf(stage, name);
  if (text === undefined || more.length > 0)
    throw new Error(`${text === undefined ? 'no' : more.length + 1} instructions ${name}, expected one`);
  return text;
}
