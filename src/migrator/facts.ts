import type { LockMode } from './lock-modes.ts';

/** What the build finds out about a migration file. Offsets count UTF-16 code units in the text with line feeds only. */
export interface MigrationFacts {
  /** Those of the part that is applied, in order. */
  statements: StatementFacts[];
  /** Those of the part that undoes it. */
  downStatements: StatementFacts[];
  /** The index, without its schema, that the one statement of a file without transaction builds. */
  buildsIndex?: string;
  /** In a built program only those that the file allows: with any other the build fails. */
  findings: Finding[];
}

export interface StatementFacts {
  start: number;
  /** Behind the last character; the semicolon is not part of it. */
  end: number;
  /** `create index entries_by_cat on entries` */
  summary: string;
  locks: TableLock[];
}

export interface TableLock {
  /** As the file writes it, without quotes: `entries` or `archive.entries`. */
  relation: string;
  mode: LockMode;
  /** The relation was made by the same file: nobody else can see it, so nobody waits. */
  creates: boolean;
  /** Why the mode, or the relation, is a guess. Left out where it is known. */
  assumed?: string;
}

/** Something unsafe in a migration file. */
export interface Finding {
  rule: string;
  /** From 1. */
  line: number;
  /** From 1, in UTF-16 code units. */
  column: number;
  /** What is unsafe, and what to write instead. */
  message: string;
  /** The reason that the file gives for allowing it. */
  allowed?: string;
}
