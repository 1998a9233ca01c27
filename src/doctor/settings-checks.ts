import { describeAccess } from '../config/access.ts';
import { maskDatabaseUrl } from '../config/database-address.ts';
import { findWithoutEffect, type SettingProblem, type SettingsReport } from '../config/settings.ts';
import { type Check, checkOf, count } from './check.ts';

/** The settings of this environment: what is wrong, what is suspicious, and what production would say. */
export function checkSettings(report: SettingsReport, asProduction: SettingsReport): Check[] {
  const { problems, warnings, production, values } = report;
  const valid = checkOf('configuration.settings', 'Settings');
  const suspicious = checkOf('configuration.warnings', 'Suspicious variables');
  const effect = checkOf('configuration.effect', 'Without effect');
  const idle = findWithoutEffect(report.sources);
  const rules = checkOf('configuration.production', 'Rules for production');
  const url = values.DATABASE_URL;
  const use = `for ${production ? 'production' : 'development'} on ${url === undefined ? 'the embedded database' : maskDatabaseUrl(url)}`;
  return [
    problems.length === 0
      ? valid.pass(`right, ${use}`)
      : valid.fail(`${count(problems.length, 'problem')}: ${sayProblems(problems)}`, sayFixes(problems)),
    warnings.length === 0
      ? suspicious.pass('none')
      : suspicious.warn(`${count(warnings.length, 'variable')}: ${sayProblems(warnings)}`, sayFixes(warnings)),
    idle.length === 0
      ? effect.pass('none of those that are set')
      : effect.warn(
          `${idle.join(', ')}: checked, but this version has no accounts and no rate limits`,
          'Nothing is protected by them yet: limit rates in a proxy in front, and who may reach the API.',
        ),
    production
      ? judgeProduction(rules, problems)
      : asProduction.problems.length === 0
        ? rules.pass('all met, should DEBUG become False')
        : rules.unknown(
            `this environment is for development; with DEBUG=False ${count(asProduction.problems.length, 'setting')} would stop the start: ${namesOf(asProduction.problems)}`,
            'Before a deployment: catatlas config check, with its environment.',
          ),
    judgeAccess(report),
  ];
}

function judgeAccess({ values: { ALLOW_ANONYMOUS_EDITS }, production }: SettingsReport): Check {
  const access = checkOf('configuration.access', 'Open to everybody');
  if (ALLOW_ANONYMOUS_EDITS === undefined)
    return access.unknown('ALLOW_ANONYMOUS_EDITS could not be read', 'Correct the settings first.');
  const found = describeAccess({ ALLOW_ANONYMOUS_EDITS });
  return production && ALLOW_ANONYMOUS_EDITS
    ? access.warn(found, 'Leave ALLOW_ANONYMOUS_EDITS out, unless you trust everybody who reaches this server.')
    : access.pass(found);
}

function judgeProduction(rules: ReturnType<typeof checkOf>, problems: readonly SettingProblem[]): Check {
  return problems.length === 0
    ? rules.pass('all met')
    : rules.fail(`the start is refused because of ${namesOf(problems)}`, 'See the settings above.');
}

function namesOf(problems: readonly SettingProblem[]): string {
  return [...new Set(problems.map(({ name }) => name))].join(', ');
}

function sayProblems(problems: readonly SettingProblem[]): string {
  return problems.map(({ name, problem }) => `${name} ${problem}`).join('; ');
}

function sayFixes(problems: readonly SettingProblem[]): string {
  return problems.map(({ name, fix }) => `${name}: ${fix}`).join(' ');
}
