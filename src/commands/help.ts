import { build } from '../build.ts';
import { type Action, type Command, type Operand, type Option, UsageError } from '../cli/command.ts';
import { type CatalogEntry, unknownCommand } from '../cli/command-catalog.ts';
import { ExitCode, exitCodeMeanings } from '../cli/exit-codes.ts';
import {
  defaultTextOf,
  explainSetting,
  rowOf,
  type SettingName,
  settingGroups,
  settingNames,
} from '../config/settings.ts';
import { closest } from '../config/spelling.ts';
import { catalog } from '../subcommands.ts';

/** What `help` explains besides commands. */
const topics = [
  { name: 'settings', summary: 'Every setting: what it is for, its type and its default', render: renderSettingsHelp },
  { name: 'exit-codes', summary: 'What the exit codes mean', render: renderExitCodesHelp },
];

export const command: Command = {
  description: 'Explains a command or a topic. Without either it lists what there is.',
  operands: [
    { name: 'COMMAND', purpose: `A command, or one of the topics ${topics.map(({ name }) => name).join(' and ')}` },
    { name: 'ACTION', purpose: 'One of the things that this command does, such as plan of migrate' },
  ],
  exitCodes: [ExitCode.ok, ExitCode.usage],
  examples: [
    { line: 'catatlas help serve', purpose: 'explain the command serve' },
    { line: 'catatlas help migrate plan', purpose: 'explain one of its actions' },
    { line: 'catatlas help settings', purpose: 'list every setting' },
  ],
  async run(args, io) {
    const [name, action] = args.operands;
    io.stdout(name === undefined ? renderOverview() : await renderHelpOf(name, action));
    return ExitCode.ok;
  },
};

/** Every command, this one included. */
export const commands: readonly CatalogEntry[] = [
  ...catalog,
  {
    name: 'help',
    summary: 'Explain a command, the settings, or the exit codes',
    alsoCalled: ['man', 'usage', 'commands'],
    load: async () => command,
  },
];

async function renderHelpOf(name: string, action: string | undefined): Promise<string> {
  const topic = topics.find((each) => each.name === name);
  if (topic && action !== undefined) throw new UsageError(`unexpected argument ${JSON.stringify(action)}`);
  if (topic) return topic.render();
  const entry = commands.find((each) => each.name === name);
  if (entry) {
    const described = await entry.load();
    return action === undefined ? renderCommandHelp(entry, described) : renderActionHelp(entry, described, action);
  }
  throw unknownCommand(name, [...topics.map((each) => ({ ...each, alsoCalled: [] })), ...commands]);
}

/** The text of `catatlas --help`. */
export function renderOverview(): string {
  return [
    `CatAtlas API ${build.version}: sightings of street cats, turned into individual cats.\n`,
    'Usage: catatlas [COMMAND] [OPTIONS]\n',
    wrap(
      'Without a command it serves the API at http://127.0.0.1:8000, with documentation at /swagger and an embedded database. With DATABASE_URL it serves from a PostgreSQL server, as production.',
      0,
    ),
    section('Commands', commands),
    section('Topics of help', topics),
    section('Options', [
      { name: '-h, --help', summary: 'Explain the program; after a command, that command' },
      { name: '-V, --version', summary: 'Print the version' },
    ]),
    examplesSection([
      { line: 'catatlas', purpose: 'try it out, with an embedded database' },
      { line: 'catatlas --port 9000', purpose: 'the same on another port' },
      { line: 'DATABASE_URL=postgresql://… JWT_SECRET=… catatlas', purpose: 'production' },
      { line: 'catatlas config check', purpose: 'find everything that is wrong with the settings' },
    ]),
    'Settings are environment variables: catatlas help settings',
  ]
    .join('\n')
    .concat('\n');
}

/** The text of `catatlas help NAME`. */
export function renderCommandHelp(entry: Pick<CatalogEntry, 'name' | 'summary'>, described: Command): string {
  const options = [...(described.actions ?? []).flatMap(optionsOfAction), ...(described.options ?? [])];
  const operands = described.operands ?? [];
  const parts = [
    `${entry.summary}.\n`,
    `Usage: ${renderUsage(entry.name, described)}\n`,
    described.description
      .split('\n\n')
      .map((paragraph) => wrap(paragraph, 0))
      .join('\n'),
  ];
  if (described.actions)
    parts.push(
      section(
        'Actions',
        described.actions.map((each) => ({
          name: [each.name, ...(each.operands ?? []).map(bracketed)].join(' '),
          summary: each.purpose,
        })),
      ),
    );
  if (operands.length > 0)
    parts.push(
      section(
        'Arguments',
        operands.map((each) => ({ name: nameOfOperand(each), summary: each.purpose })),
      ),
    );
  parts.push(
    section('Options', [
      ...options.map(({ name, value, purpose, setting }) => ({
        name: value === undefined ? `--${name}` : `--${name} ${value}`,
        summary:
          setting === undefined ? purpose : `${purpose} (setting ${setting}, default: ${defaultTextOf(setting)})`,
      })),
      { name: '-h, --help', summary: 'Print this text' },
    ]),
  );
  if (described.settings?.length)
    parts.push(
      `Settings (environment variables; all of them: catatlas help settings)\n${described.settings.map(renderSetting).join('')}`,
    );
  parts.push(
    section(
      'Exit codes',
      described.exitCodes.map((code) => ({ name: String(code), summary: exitCodeMeanings[code] })),
    ),
    ...(described.examples.length > 0 ? [examplesSection(described.examples)] : []),
  );
  return parts.join('\n').trimEnd().concat('\n');
}

/** The text of `catatlas help NAME ACTION`: the command with nothing but this action. */
function renderActionHelp(entry: Pick<CatalogEntry, 'name'>, described: Command, name: string): string {
  // Some commands take theirs as an operand.
  const choices = described.operands?.flatMap((operand) => operand.choices ?? []) ?? [];
  const action = described.actions?.find((each) => each.name === name);
  if (!action && choices.includes(name)) return renderCommandHelp({ ...entry, summary: name }, described);
  if (!action) {
    const known = [...(described.actions ?? []).map((each) => each.name), ...choices];
    if (known.length === 0)
      throw new UsageError(`${entry.name} has no actions`, `To see what it does: catatlas help ${entry.name}`);
    const meant = closest(name, known);
    throw new UsageError(
      `${entry.name} has no action ${JSON.stringify(name)}: it has ${known.join(', ')}`,
      meant === undefined ? undefined : `Did you mean ${meant}?`,
    );
  }
  const { actions: _, requiresAction: _required, ...rest } = described;
  const line = `catatlas ${entry.name} ${name}`;
  const examples = described.examples.filter((each) => `${each.line} `.includes(`${line} `));
  return renderCommandHelp(
    { name: `${entry.name} ${name}`, summary: action.purpose },
    {
      ...rest,
      operands: action.operands ?? [],
      options: [...(action.options ?? []), ...(described.options ?? [])],
      examples,
    },
  );
}

/** `catatlas serve [--host ADDRESS] [--port PORT]` */
export function renderUsage(
  name: string,
  described: Pick<Command, 'actions' | 'requiresAction' | 'options' | 'operands'>,
): string {
  const action = described.requiresAction ? 'ACTION' : '[ACTION]';
  const operands = [...(described.actions ? [action] : []), ...(described.operands ?? []).map(bracketed)];
  const options = (described.options ?? []).map(
    (option) => `[--${option.name}${option.value === undefined ? '' : ` ${option.value}`}]`,
  );
  const head = `catatlas ${name}`;
  let text = head;
  let lineLength = 'Usage: '.length + head.length;
  for (const word of [...operands, ...options]) {
    const breaks = lineLength + 1 + word.length > lineWidth;
    text += breaks ? `\n${' '.repeat('Usage: '.length + head.length + 1)}${word}` : ` ${word}`;
    lineLength = breaks ? 'Usage: '.length + head.length + 1 + word.length : lineLength + 1 + word.length;
  }
  return text;
}

function bracketed(operand: Operand): string {
  const text = nameOfOperand(operand);
  return operand.required ? text : `[${text}]`;
}

/** The options of an action, told as belonging to it. */
function optionsOfAction({ name, options = [] }: Action): Option[] {
  return options.map((option) => ({ ...option, purpose: `With ${name}: ${option.purpose}` }));
}

function nameOfOperand({ name, choices }: Operand): string {
  return choices?.join('|') ?? name;
}

function renderSettingsHelp(): string {
  const intro = [
    'Settings are read from environment variables, and from nowhere else but the options of a command, which win over them. No file is read unless you name it: for a secret, NAME_FILE can name a file that holds it.',
    'A variable that is set to nothing counts as not set. `catatlas config check` finds everything that is wrong at once; `catatlas config print` shows each value and where it comes from.',
  ].map((paragraph) => wrap(paragraph, 0));
  const groups = settingGroups.map(
    (group) =>
      `${group}\n${settingNames
        .filter((name) => rowOf(name).group === group)
        .map(renderSetting)
        .join('')}`,
  );
  return [...intro, ...groups].join('\n');
}

function renderSetting(name: SettingName): string {
  const type = `Type: ${rowOf(name).kind.type}. Default: ${defaultTextOf(name)}.`;
  return `  ${name}\n${wrap(explainSetting(name), 6)}${wrap(type, 6)}`;
}

function renderExitCodesHelp(): string {
  const codes = Object.values(ExitCode).map((code) => ({ name: String(code), summary: exitCodeMeanings[code] }));
  const signals = [
    { name: '130', summary: 'a second SIGINT arrived before the program had finished' },
    { name: '143', summary: 'a second SIGTERM arrived before the program had finished' },
  ];
  return `${section('Exit codes', [...codes, ...signals])}\nThey do not change from version to version.\n`;
}

const lineWidth = 96;

function section(title: string, entries: readonly { name: string; summary: string }[]): string {
  const width = Math.min(26, Math.max(...entries.map(({ name }) => name.length)) + 4);
  const lines = entries.map(({ name, summary }) => {
    const text = wrap(summary, width);
    const label = `  ${name}`;
    return label.length + 2 > width ? `${label}\n${text}` : label.padEnd(width) + text.slice(width);
  });
  return `${title}\n${lines.join('')}`;
}

function examplesSection(examples: Command['examples']): string {
  return `Examples\n${examples.map(({ line, purpose }) => `  ${line}\n${wrap(purpose, 6)}`).join('')}`;
}

/** Breaks a text into lines of at most 96 columns, each indented and ended. */
function wrap(text: string, indent: number): string {
  const lines: string[] = [];
  for (const word of text.trim().split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && indent + last.length + 1 + word.length <= lineWidth)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((each) => `${' '.repeat(indent)}${each}\n`).join('');
}
