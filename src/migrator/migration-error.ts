/** Why migrations did not end well; each has an exit code of its own. */
export type MigrationFailureKind =
  | 'failed'
  | 'refused'
  | 'pending'
  | 'changed'
  | 'newer'
  | 'lock_timeout'
  | 'interrupted';

/** Migrations could not be applied. `message` is for the operator: what, where, what to do. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
  readonly kind: MigrationFailureKind;

  constructor(kind: MigrationFailureKind, message: string, options?: { cause: unknown }) {
    super(message, options);
    this.kind = kind;
  }
}
