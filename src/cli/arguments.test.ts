import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArguments } from './arguments.ts';
import { UsageError } from './command.ts';

const command = {
  options: [
    { name: 'json', purpose: '' },
    { name: 'port', value: 'PORT', purpose: '', setting: 'PORT' as const },
    { name: 'url', value: 'URL', purpose: '' },
  ],
  operands: [
    { name: 'ACTION', choices: ['check', 'print'], required: true, purpose: '' },
    { name: 'NAME', purpose: '' },
  ],
};

test('reads options, switches, operands and settings', () => {
  for (const argv of [
    ['check', '--port', '9000', '--json', 'x'],
    ['--port=9000', 'check', 'x', '--json'],
    ['--json', '--port', '9000', '--', 'check', 'x'],
  ]) {
    const parsed = parseArguments(command, argv);
    assert.deepEqual(parsed.values, { port: '9000' });
    assert.deepEqual([...parsed.switches], ['json']);
    assert.deepEqual(parsed.operands, ['check', 'x']);
    assert.deepEqual(parsed.settings, { PORT: '9000' });
  }
});

test('takes values as they are', () => {
  assert.equal(parseArguments(command, ['check', '--url=--odd=1']).values['url'], '--odd=1');
  assert.equal(parseArguments(command, ['check', '--', '--json']).operands[1], '--json');
  assert.deepEqual(parseArguments({}, []), { action: '', values: {}, switches: new Set(), operands: [], settings: {} });
});

test('refuses what it does not know', () => {
  for (const [argv, message, hint] of [
    [['check', '--prot', '1'], 'unknown option --prot', 'Did you mean --port?'],
    [['check', '--PORT', '1'], 'unknown option --PORT', 'Did you mean --port?'],
    [['check', '--jsn'], 'unknown option --jsn', 'Did you mean --json?'],
    [['check', '--banana'], 'unknown option --banana', undefined],
    [['check', '--no-json'], 'unknown option --no-json', 'Did you mean --json?'],
    [['check', '-x'], 'unknown option -x', undefined],
    [['check', '-json'], 'unknown option -j', undefined],
    [['check', '--__proto__'], 'unknown option --__proto__', undefined],
    [['check', '--json=yes'], '--json takes no value', undefined],
    [['check', '--json', '--json'], '--json is given twice', undefined],
    [['check', '--port', '1', '--port=2'], '--port is given twice', undefined],
    [['check', '--port'], '--port needs a value', 'Write it as --port PORT.'],
    [['check', '--port='], '--port needs a value', 'Write it as --port PORT.'],
    [['check', '--port', '--json'], '--port needs a value', 'Write it as --port PORT.'],
    [['check', 'x', 'y'], 'unexpected argument "y"', undefined],
    [[], 'check or print is missing', undefined],
    [['prnit'], 'unknown argument "prnit": it must be check or print', 'Did you mean print?'],
    [['banana'], 'unknown argument "banana": it must be check or print', undefined],
  ] as const)
    assert.throws(
      () => parseArguments(command, argv),
      (error) => {
        assert.ok(error instanceof UsageError);
        assert.deepEqual([error.message, error.hint], [message, hint]);
        return true;
      },
      argv.join(' '),
    );
});

const withActions = {
  options: [{ name: 'json', purpose: '' }],
  actions: [
    { name: 'up', purpose: '', options: [{ name: 'to', value: 'N', purpose: '' }] },
    { name: 'show', purpose: '', operands: [{ name: 'N', purpose: '', required: true }] },
  ],
};

test('the first word chooses the action, which has options and operands of its own', () => {
  assert.equal(parseArguments(withActions, []).action, 'up');
  const up = parseArguments(withActions, ['--to', '3', '--json']);
  assert.deepEqual([up.action, up.values, [...up.switches]], ['up', { to: '3' }, ['json']]);
  const show = parseArguments(withActions, ['--json', 'show', '2']);
  assert.deepEqual([show.action, show.operands], ['show', ['2']]);
});

test('an action is refused what belongs to another', () => {
  for (const [argv, message] of [
    [['show', '2', '--to', '3'], /--to does not belong to show/],
    [['show'], /N is missing/],
    [['up', '2'], /unexpected argument "2"/],
    [['shwo', '2'], /unknown argument "shwo": it must be up or show/],
  ] as const)
    assert.throws(() => parseArguments(withActions, argv), message);
  assert.throws(
    () => parseArguments({ actions: [{ name: 'sqlite', purpose: 'x' }], requiresAction: true }, ['csv', 'x']),
    /unknown argument "csv": it must be sqlite$/,
  );
  assert.throws(
    () => parseArguments({ ...withActions, requiresAction: true }, []),
    /it has to be said what to do: up, show/,
  );
});
