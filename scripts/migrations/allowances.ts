import { closest } from '../../src/config/spelling.ts';
import type { Finding } from '../../src/migrator/facts.ts';
import { fixedRules, type Rule, rules } from './rules.ts';
import { positionOf, type Statement } from './statements.ts';

/** `-- allow: RULE reason` */
interface Allowance {
  line: number;
  column: number;
  rule: string;
  reason: string;
}

/**
 * Gives the findings that the file allows the reason it states, and adds one for each allowance that is unknown, without
 * reason, or of no use. In the order of the file.
 */
export function applyAllowances(
  sql: string,
  statements: readonly Statement[],
  findings: readonly Finding[],
): Finding[] {
  const lines = sql.split('\n');
  const spans = statements.map(({ start, end }) => ({
    first: positionOf(sql, start),
    last: positionOf(sql, end),
    // Something else stands in front of it on its line: the comment above is not its own.
    alone: sql.slice(sql.lastIndexOf('\n', start - 1) + 1, start).trim() === '',
  }));
  const used = new Set<Allowance>();
  const allowances = findAllowances(lines);

  const judged = findings.map((finding) => {
    const span = spans.find(({ first, last }) => isWithin(finding, first, last));
    if (!span?.alone || fixedRules.has(finding.rule as Rule)) return finding;
    const allowance = allowances.find(
      ({ rule, reason, line }) =>
        rule === finding.rule && reason !== '' && isDirectlyAbove(lines, line, span.first.line),
    );
    if (!allowance) return finding;
    used.add(allowance);
    return { ...finding, allowed: allowance.reason };
  });

  const useless = allowances.filter((allowance) => !used.has(allowance)).map(describeUseless);
  return [...judged, ...useless].sort((a, b) => a.line - b.line || a.column - b.column);
}

function findAllowances(lines: readonly string[]): Allowance[] {
  return lines.flatMap((text, index) => {
    const [, indent = '', rule = '', reason = ''] = /^(\s*)-- *allow:\s*(\S*)\s*(.*?)\s*$/.exec(text) ?? [];
    return /^\s*-- *allow:/.test(text) ? [{ line: index + 1, column: indent.length + 1, rule, reason }] : [];
  });
}

/** Only comment lines between the two. */
function isDirectlyAbove(lines: readonly string[], line: number, statement: number): boolean {
  return line < statement && lines.slice(line - 1, statement - 1).every((text) => /^\s*--/.test(text));
}

function isWithin(
  finding: Finding,
  first: { line: number; column: number },
  last: { line: number; column: number },
): boolean {
  const behindFirst = finding.line > first.line || (finding.line === first.line && finding.column >= first.column);
  const beforeLast = finding.line < last.line || (finding.line === last.line && finding.column < last.column);
  return behindFirst && beforeLast;
}

function describeUseless({ line, column, rule, reason }: Allowance): Finding {
  const allowable = Object.keys(rules).filter((name) => !fixedRules.has(name as Rule));
  const known = allowable.includes(rule);
  const meant = known ? undefined : closest(rule, allowable);
  const problem = !known
    ? `there is no rule "${rule}" that could be allowed${meant ? `, did you mean ${meant}?` : ''}`
    : reason === ''
      ? `${rule}: the reason is missing`
      : `${rule}: the statement below does not break this rule. Remove it`;
  return { rule: 'allow', line, column, message: `${problem}; ${rules.allow}` };
}
