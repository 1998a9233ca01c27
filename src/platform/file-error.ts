const problems: Record<string, string> = {
  ENOENT: 'there is no such file or directory',
  EACCES: 'this user may not use it',
  EISDIR: 'is a directory, and a file is needed',
  ENOTDIR: 'is a file, and a directory is needed',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk is full for this user',
  EIO: 'the disk fails',
  EEXIST: 'exists already',
  EPIPE: 'its reader has gone',
};

/**
 * A file, an input or an output cannot be used. The system's own error often does not say which: that of an open file has no
 * path, and looks like one of a connection to a database.
 */
export class FileError extends Error {
  override readonly name = 'FileError';
  /** What is wrong, without the name. */
  readonly problem: string;
  /** It is a pipe that nobody reads any more. */
  readonly readerGone: boolean;

  constructor(file: string, cause: unknown) {
    const { code } = cause as { code?: string };
    const problem = problems[code ?? ''] ?? `cannot be used (${code ?? cause})`;
    super(`${file}: ${problem}`, { cause });
    this.problem = problem;
    this.readerGone = code === 'EPIPE';
  }
}
