/** An archive cannot be used, or what was restored from it is not what it says. `message` is for the operator. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
}

/** What is to be written to, or backed up, is not in a state for that. `message` is for the operator. */
export class ArchiveTargetError extends Error {
  override readonly name = 'ArchiveTargetError';
}
