import { parseArgs } from 'node:util';
import { closest } from '../config/spelling.ts';
import { type Action, type Command, type Option, type ParsedArguments, UsageError } from './command.ts';

type Described = Pick<Command, 'actions' | 'requiresAction' | 'options' | 'operands'>;

/**
 * Parses what follows the name of a command: the action if it has any, `--name value`, `--name=value`, `--switch`, operands, and
 * `--` after which all are operands. Throws UsageError for anything that the command does not know, for missing and superfluous
 * values and operands.
 */
export function parseArguments(command: Described, argv: readonly string[]): ParsedArguments {
  const every = [...(command.options ?? []), ...(command.actions ?? []).flatMap((action) => action.options ?? [])];
  // node:util splits the line into tokens; the messages are ours, because its own differ between Bun and Deno.
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      every.map(({ name, value }) => [name, { type: value === undefined ? 'boolean' : 'string' }] as const),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const words = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []));
  const action = command.actions ? findAction(command, words.shift()) : undefined;
  const options = [...(command.options ?? []), ...(action?.options ?? [])];
  const values: Record<string, string> = {};
  const switches = new Set<string>();
  const settings: ParsedArguments['settings'] = {};
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const option = options.find(({ name }) => `--${name}` === token.rawName);
    if (!option && action && every.some(({ name }) => `--${name}` === token.rawName))
      throw new UsageError(`${token.rawName} does not belong to ${action.name}`);
    if (!option) throw unknownOption(token.rawName, options);
    if (option.name in values || switches.has(option.name)) throw new UsageError(`${token.rawName} is given twice`);
    if (option.value === undefined) {
      if (token.value !== undefined) throw new UsageError(`${token.rawName} takes no value`);
      switches.add(option.name);
      continue;
    }
    // `--port --json` forgot the port; a value that does start with a dash can be given as --port=-1.
    const forgotten = token.value === undefined || (!token.inlineValue && token.value.startsWith('-'));
    if (forgotten || token.value === '')
      throw new UsageError(`${token.rawName} needs a value`, `Write it as ${token.rawName} ${option.value}.`);
    values[option.name] = String(token.value);
    if (option.setting !== undefined) settings[option.setting] = String(token.value);
  }
  checkOperands(action ?? command, words);
  return { action: action?.name ?? '', values, switches, operands: words, settings };
}

function findAction({ actions = [], requiresAction }: Described, given: string | undefined): Action {
  const list = actions.map(({ name }) => name);
  if (given === undefined) {
    const [first] = actions;
    if (first && !requiresAction) return first;
    throw new UsageError(`it has to be said what to do: ${list.join(', ')}`);
  }
  const action = actions.find(({ name }) => name === given);
  if (action) return action;
  const meant = closest(given, list);
  throw new UsageError(
    `unknown argument ${JSON.stringify(given)}: it must be ${list.join(', ').replace(/, (?!.*, )/, ' or ')}`,
    meant === undefined ? undefined : `Did you mean ${meant}?`,
  );
}

function unknownOption(rawName: string, options: readonly Option[]): UsageError {
  const names = [...options.map(({ name }) => name), 'help', 'version'];
  const meant = rawName.startsWith('--') ? closest(rawName.slice(2), names) : undefined;
  return new UsageError(`unknown option ${rawName}`, meant === undefined ? undefined : `Did you mean --${meant}?`);
}

function checkOperands(command: Pick<Command, 'operands'>, operands: readonly string[]): void {
  const expected = command.operands ?? [];
  const extra = operands[expected.length];
  if (extra !== undefined) throw new UsageError(`unexpected argument ${JSON.stringify(extra)}`);
  for (const [index, operand] of expected.entries()) {
    const given = operands[index];
    const list = operand.choices?.join(' or ');
    if (given === undefined) {
      if (operand.required) throw new UsageError(`${list ?? operand.name} is missing`);
      continue;
    }
    if (!operand.choices || operand.choices.includes(given)) continue;
    const meant = closest(given, operand.choices);
    throw new UsageError(
      `unknown argument ${JSON.stringify(given)}: it must be ${list}`,
      meant === undefined ? undefined : `Did you mean ${meant}?`,
    );
  }
}
