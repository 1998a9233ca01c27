import { DatabaseTrouble } from './database/trouble.ts';

/** What the schema of the database looks like to this binary. `began`: when migrating did, on the clock of `performance.now()`. */
export type SchemaState =
  | { state: 'unknown' }
  | { state: 'migrating'; applied: number; expected: number; step: string; began: number }
  | { state: 'waiting'; reason: string }
  | { state: 'current'; version: number };

/**
 * Where this process is between its first and its last breath. `commands/serve.ts` moves it along; the health endpoints and
 * the gate in front of the API read it.
 */
export class Lifecycle {
  schema: SchemaState = { state: 'unknown' };
  draining = false;
  readonly trouble = new DatabaseTrouble();

  /** May requests reach the features? */
  get servesApi(): boolean {
    return this.schema.state === 'current';
  }
}
