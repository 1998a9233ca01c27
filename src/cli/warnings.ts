import { describeProblem, type SettingProblem } from '../config/settings.ts';

/** Warnings about settings as text for standard error. */
export function describeWarnings(warnings: readonly SettingProblem[]): string {
  const count = warnings.length === 1 ? 'a warning' : `${warnings.length} warnings`;
  return `${count}:\n\n${warnings.map(describeProblem).join('\n')}`;
}
