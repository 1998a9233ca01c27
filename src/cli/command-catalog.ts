import { closest } from '../config/spelling.ts';
import { type Command, UsageError } from './command.ts';

/** A command by name, loaded only when it is needed. */
export interface CatalogEntry {
  readonly name: string;
  readonly summary: string;
  /** Other words for it. They are not accepted, but answered with a hint. */
  readonly alsoCalled: readonly string[];
  load(): Promise<Command>;
}

/** The command that runs when none is named. */
export const defaultCommand = 'serve';

/** The error for a command that does not exist, with what was probably meant. */
export function unknownCommand(
  name: string,
  entries: readonly Pick<CatalogEntry, 'name' | 'alsoCalled'>[],
): UsageError {
  const synonym = entries.find(({ alsoCalled }) => alsoCalled.includes(name.toLowerCase()))?.name;
  const names = entries.map((entry) => entry.name);
  const meant = synonym ?? closest(name, names);
  const hint = meant === undefined ? undefined : `Did you mean ${meant}?`;
  return new UsageError(`unknown command ${JSON.stringify(name)}`, hint);
}
