import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { systemClock } from '../clock.ts';
import { UsageError } from './command.ts';

/** A file that lists rows which were repaired or left out (docs/repairs.md). */
export interface RowReport {
  /** A row as an object, or as JSON in one line. */
  write(row: object | string): void;
  /** Where it is; undefined while there is nothing to list. */
  path(): string | undefined;
  close(): void;
  /** Takes back what was written: nothing has come of it. */
  remove(): void;
}

/**
 * A JSON object a line; the file is made for the first row. Readable by its owner only: it has people's texts and addresses. Never one
 * that is there already: it may be the only copy of what an earlier run left out, or the file that is read. `option` is named in errors.
 */
export function openRowReport(path: string, option: string): RowReport {
  let file: number | undefined;
  return {
    write(row) {
      file ??= makeFile(path, option);
      writeSync(file, `${typeof row === 'string' ? row : JSON.stringify(row)}\n`);
    },
    path: () => (file === undefined ? undefined : resolve(path)),
    close() {
      if (file !== undefined) closeSync(file);
    },
    remove() {
      if (file === undefined) return;
      closeSync(file);
      rmSync(path);
      file = undefined;
    },
  };
}

/** The report of `--repair`: in the current directory, named by the time, so that the report of one run never meets another. */
export function openRepairReport(): RowReport {
  const time = systemClock.now().replace(/\D/g, '').slice(0, 17);
  return openRowReport(`catatlas-repairs-${time}.jsonl`, '--repair');
}

function makeFile(path: string, option: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST')
      throw new UsageError(
        `${option}: ${path} exists already and is not overwritten`,
        'Choose another name, or remove it. Nothing was imported.',
      );
    throw new UsageError(
      `${option}: ${error instanceof Error ? error.message : String(error)}`,
      option === '--repair' ? 'Run it in a directory that you may write to. Nothing was changed.' : undefined,
    );
  }
}
