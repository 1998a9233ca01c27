/** How many problems a message shows; the rest is counted. */
export const SHOWN_PROBLEMS = 50;

/** The prototype's database cannot be adopted as it is. Nothing was changed. The message is for the operator: all of it. */
export class AdoptionRefused extends Error {
  override readonly name = 'AdoptionRefused';
  /** Each a line of its own; at most as many as are shown. */
  readonly problems: readonly string[];

  constructor(what: string, found: { problems: readonly string[]; total?: number; advice: string }) {
    const shown = found.problems.slice(0, SHOWN_PROBLEMS);
    const rest = (found.total ?? found.problems.length) - shown.length;
    super(
      [
        `${what}. Nothing was changed.`,
        ...shown.map((problem) => `- ${problem}`),
        ...(rest > 0 ? [`- and ${rest} more`] : []),
        found.advice,
      ].join('\n'),
    );
    this.problems = shown;
  }
}
