import type { Command, CommandIO } from '../cli/command.ts';
import { ExitCode } from '../cli/exit-codes.ts';
import { describeWarnings } from '../cli/warnings.ts';
import {
  isUnused,
  readSettings,
  type SettingName,
  type SettingProblem,
  SettingsError,
  type SettingsReport,
  secretNames,
  settingNames,
  showValue,
} from '../config/settings.ts';

export const command: Command = {
  description:
    'check: finds everything that is wrong with the settings, all at once, and what is suspicious, such as a misspelled variable. Connects to nothing.\n\nprint: shows each setting, its value and where that comes from. Secrets are hidden, and so is the password in DATABASE_URL.',
  operands: [{ name: 'ACTION', choices: ['check', 'print'], required: true, purpose: 'What to do' }],
  options: [{ name: 'json', purpose: 'Print a JSON object' }],
  exitCodes: [ExitCode.ok, ExitCode.usage],
  examples: [
    { line: 'catatlas config check', purpose: 'before a deployment, with its environment' },
    { line: 'catatlas config print --json', purpose: 'for programs' },
  ],
  async run(args, io) {
    const report = readSettings({ env: io.env });
    const json = args.switches.has('json');
    if (args.operands[0] === 'print') print(report, json, io);
    else check(report, json, io);
    return report.problems.length === 0 ? ExitCode.ok : ExitCode.usage;
  },
};

function check(report: SettingsReport, json: boolean, io: CommandIO): void {
  const { problems, warnings, production } = report;
  const environment = production ? 'production' : 'development';
  if (json) {
    io.stdout(`${JSON.stringify({ ok: problems.length === 0, environment, problems, warnings }, null, 2)}\n`);
    return;
  }
  if (problems.length === 0) io.stdout(`The settings are right, for ${environment} on ${databaseOf(report)}.\n`);
  complain(problems, warnings, io);
}

function databaseOf({ values }: SettingsReport): string {
  const url = values.DATABASE_URL;
  return url === undefined
    ? `the embedded database in ${showValue('DATA_DIR', values.DATA_DIR)}`
    : showValue('DATABASE_URL', url);
}

function print(report: SettingsReport, json: boolean, io: CommandIO): void {
  const { problems, warnings, production } = report;
  const idle = settingNames.filter(isUnused);
  if (json) {
    const settings = Object.fromEntries(settingNames.map((name) => [name, asJson(name, report)]));
    const environment = production ? 'production' : 'development';
    io.stdout(
      `${JSON.stringify({ ok: problems.length === 0, environment, settings, without_effect: idle, problems, warnings }, null, 2)}\n`,
    );
    return;
  }
  const rows = settingNames.map((name) => [name, shown(name, report), report.sources[name]] as const);
  const widthOf = (column: 0 | 1) => Math.max(...rows.map((row) => row[column].length));
  const [nameWidth, valueWidth] = [widthOf(0), Math.min(50, widthOf(1))];
  for (const [name, value, source] of rows)
    io.stdout(`${name.padEnd(nameWidth)}  ${value.padEnd(valueWidth)}  ${source}\n`);
  if (idle.length > 0)
    io.stdout(`\nWithout effect, because this version has no accounts and no rate limits: ${idle.join(', ')}\n`);
  complain(problems, warnings, io);
}

function asJson(name: SettingName, report: SettingsReport): unknown {
  const valid = name in report.values;
  const value = report.values[name];
  const secret = secretNames.includes(name);
  const set = value !== undefined;
  const visible = secret && set ? showValue(name, value) : (value ?? null);
  return { value: visible, source: report.sources[name], secret, set, valid };
}

function shown(name: SettingName, report: SettingsReport): string {
  return name in report.values ? showValue(name, report.values[name]) : 'WRONG';
}

function complain(problems: readonly SettingProblem[], warnings: readonly SettingProblem[], io: CommandIO): void {
  if (problems.length > 0) io.stderr(`catatlas: ${new SettingsError(problems, warnings).message}`);
  if (warnings.length > 0) io.stderr(describeWarnings(warnings));
}
