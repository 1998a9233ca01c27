import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InsightMode } from '../cats/profile.ts';
import { buildInsight, contextHash, flagsOf, type InsightEntry, withQuestion } from './insight.ts';

const createdAt = '2026-11-22T13:13:34.577339Z';
const GOLDEN: InsightEntry[] = [
  { id: 10, text: 'Grey kitten', location: 'Far street', createdAt },
  { id: 9, text: 'Black cat hissing, bad mood, thin', location: 'Park B', createdAt },
  { id: 8, text: 'Orange tabby with torn ear sleeping, limping a bit', location: 'Park A', createdAt },
  {
    id: 7,
    text: 'Orange tabby cat torn ear near park benches, friendly and good',
    location: 'Park A',
    createdAt,
  },
];
const INPUT = { catId: 3, mode: 'profile' as InsightMode, entries: GOLDEN, generatedAt: createdAt };

test('the insight of the known cat', () => {
  const insight = buildInsight(INPUT);
  assert.deepEqual(Object.keys(insight), [
    'cat_id',
    'mode',
    'prompt_version',
    'confidence',
    'headline',
    'summary',
    'flags',
    'suggested_actions',
    'citations',
    'generatedAt',
  ]);
  assert.equal(insight.cat_id, 3);
  assert.equal(insight.prompt_version, 'v1');
  assert.equal(insight.confidence, 0.67);
  assert.equal(insight.headline, 'Cat #3 — unknown / neutral');
  assert.ok(insight.summary.includes('4 sightings'));
  assert.ok(insight.summary.includes('cat, orange, tabby, torn, ear, grey, kitten, black'), insight.summary);
  assert.deepEqual(insight.flags, [
    'possible injury (limping mentioned)',
    'possible malnutrition (thin mentioned)',
    'behavior risk (hissing mentioned)',
  ]);
  assert.deepEqual(
    insight.citations.map((citation) => citation.entry_id),
    [10, 9, 8, 7],
  );
  assert.deepEqual(insight.citations[0], { entry_id: 10, quote: 'Grey kitten', location: 'Far street', createdAt });
});

function entriesOf(count: number, text = 'grey cat'): InsightEntry[] {
  return Array.from({ length: count }, (_, index) => ({ id: count - index, text, location: null, createdAt }));
}

test('confidence by number of sightings', () => {
  const expected = [0.4, 0.51, 0.59, 0.67, 0.75, 0.83, 0.85, 0.85, 0.85, 0.85, 0.85, 0.85];
  const found = expected.map((_, index) => buildInsight({ ...INPUT, entries: entriesOf(index + 1) }).confidence);
  assert.deepEqual(found, expected);
});

test('ten sightings count, five are cited, long ones shortened', () => {
  const entries = [...entriesOf(10, 'x'.repeat(121)), ...entriesOf(5, 'zebra limping')];
  const insight = buildInsight({ ...INPUT, entries });
  assert.ok(insight.summary.includes('10 sightings'));
  assert.ok(!insight.summary.includes('zebra'));
  assert.deepEqual(insight.flags, []);
  assert.equal(insight.citations.length, 5);
  assert.equal(insight.citations[0]?.quote, `${'x'.repeat(119)}…`);
  assert.equal(contextHash(entries), contextHash(entries.slice(0, 10)));
});

test('actions by mode', () => {
  const count = (mode: InsightMode) => buildInsight({ ...INPUT, mode }).suggested_actions.length;
  assert.deepEqual([count('care'), count('risk'), count('update'), count('profile')], [4, 3, 2, 2]);
});

test('the question is echoed last, when there is one', () => {
  const summary = (question: string | null) => withQuestion(buildInsight(INPUT), question).summary;
  assert.ok(summary(' Is she ill? ').endsWith('“Is she ill?”'));
  assert.equal(summary(''), summary(null));
  assert.equal(summary(' \u0085'), summary(null));
  assert.ok(!summary(null).includes('“'));
});

test('one sighting without any word', () => {
  const insight = buildInsight({ ...INPUT, entries: entriesOf(1, '🐈') });
  assert.equal(insight.headline, 'Cat #3 — unknown / neutral');
  assert.ok(insight.summary.includes('1 sighting;'));
  assert.ok(insight.summary.includes('none yet'));
});

test('no sighting is an error of the caller', () => {
  assert.throws(() => buildInsight({ ...INPUT, entries: [] }), /cat 3 has no sightings/);
});

test('the context hash is over id, time, place and text of each sighting', () => {
  // Written by Python 3.11 over 'id=2 createdAt=T location=Park\ntext=a\n---\nid=1 createdAt=U location=\ntext= ü\n🐈'.
  const entries = [
    { id: 2, createdAt: 'T', location: 'Park', text: 'a' },
    { id: 1, createdAt: 'U', location: null, text: ' ü\n🐈' },
  ];
  assert.equal(contextHash(entries), '449e8ad9a353e6ef39c5eb7f5f7a332f974ad995c42f7b645da7347bccfefd64');
});

test('warning words with their endings raise flags', () => {
  const words =
    'limp limps limped limping limpy blood bloody bloodied bloodshot bloodstained wound wounds wounded ' +
    'thin thinner thinnest thinning thinly cough coughs coughed coughing sneeze sneezes sneezed sneezing ' +
    'aggressive aggressively aggressiveness hiss hisses hissed hissing';
  for (const word of words.split(' ')) {
    for (const text of [
      word,
      word.toUpperCase(),
      `a cat, ${word}.`,
      `(${word})`,
      `very-${word}`,
      `_${word}_`,
      `${word}'s`,
    ]) {
      const flags = flagsOf(text);
      assert.equal(flags.length, 1, text);
      assert.ok(flags[0]?.endsWith(`(${word} mentioned)`), `${text}: ${flags[0]}`);
    }
  }
});

test('words that merely contain one raise none', () => {
  const words =
    'glimpse glimpsed limpid something nothing anything within thing things think thinks thinking thinker bathing clothing ' +
    'whiss chissel bloodhound unaggressive dishisse thinré limpä 2thin';
  for (const word of words.split(' ')) assert.deepEqual(flagsOf(`saw ${word} here`), [], word);
  assert.deepEqual(flagsOf('Caught a glimpse of something within the hedge; thinking it left.'), []);
});

test('flags come in the fixed order, each once', () => {
  assert.deepEqual(flagsOf('hissing hiss aggressive sneezing coughing thin thinner wound bloody limping limps'), [
    'possible injury (limping mentioned)',
    'possible injury (bloody mentioned)',
    'possible injury (wound mentioned)',
    'possible malnutrition (thin mentioned)',
    'possible respiratory issue (coughing mentioned)',
    'possible respiratory issue (sneezing mentioned)',
    'behavior risk (aggressive mentioned)',
    'behavior risk (hissing mentioned)',
  ]);
  assert.deepEqual(flagsOf(''), []);
});
