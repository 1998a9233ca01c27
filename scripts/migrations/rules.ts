/**
 * What is wrong with each, and what to write instead; said behind the thing it was found at. After the rules of squawk
 * (squawkhq.com/docs/rules), strong_migrations and the failures that other migration tools report, in our words.
 */
export const rules = {
  // Statements that stop reads or writes for as long as they work.
  'require-concurrent-index-creation':
    'building an index stops all writes to the table until it is done. Write `create index concurrently`, alone in a file with `-- transaction: none`',
  'require-concurrent-index-deletion':
    'dropping an index waits for every query on its table and stops new ones meanwhile. Write `drop index concurrently if exists`, alone in a file with `-- transaction: none`',
  'require-concurrent-reindex':
    'it stops all writes to the table until it is done. Build a second index concurrently, then drop the first',
  'require-concurrent-refresh':
    'it stops all reads of the view until it is done. Write `refresh materialized view concurrently` (the view needs a unique index)',
  'adding-field-with-default':
    'the value is another for each row, so the whole table is written anew while nobody can read it. Add the column without it, fill it in batches, then set the default',
  'adding-required-field':
    'not null without a default fails as soon as the table has rows, and so does every insert of the version before. Give it a default that is a constant, or add it nullable',
  'adding-generated-field':
    'a stored generated column writes the whole table anew while nobody can read it. Add a plain column, fill it in batches, and keep it by the program or a trigger',
  'adding-not-null-field':
    'it reads the whole table while nobody else can. First add `check (… is not null) not valid` in one file and validate it in the next; then this is quick',
  'constraint-missing-not-valid':
    'all rows are checked while writes wait. Add it `not valid`, and `validate constraint` in a file behind this one',
  'validate-in-its-own-file':
    'what this file did to the table before keeps others out until the check of all rows is done. Move `validate constraint` to a file of its own',
  'adding-primary-key-constraint':
    'it builds an index while nobody can read the table. Build a unique index concurrently in a file before, see that its columns are not null, then `add primary key using index`',
  'adding-unique-constraint':
    'it builds an index while nobody can read the table. Build a unique index concurrently in a file before, then `add constraint … unique using index`',
  'adding-exclusion-constraint':
    'it builds an index while nobody can read the table, and there is no way around. Apply it while the service is stopped, and allow it with that reason',
  'changing-column-type':
    'it writes the whole table anew while nobody can read it, and the version before does not expect it. Add a column of the new type, fill it, move the program over; where PostgreSQL does not rewrite (varchar to text), allow it with that reason',
  'ban-table-rewrite': 'it writes the whole table anew while nobody can read it. Do it while the service is stopped',
  'ban-alter-domain-with-add-constraint':
    'every table with a column of the domain is read while writes to it wait. Add it `not valid`',
  'ban-create-domain-with-constraint':
    'a rule of a domain can be changed only by reading every table that uses it. Use text and a check constraint of the table',
  'ban-mixed-ddl-and-dml':
    'a change of many rows beside a change of the schema keeps the locks of both until all is done. Put it into a file of its own',

  // What the version before this one cannot live with.
  'ban-drop-column':
    'the version before still reads it. Say `-- compat: contract`, in a release after the one that stopped using it',
  'ban-drop-table':
    'the version before still reads it. Say `-- compat: contract`, in a release after the one that stopped using it',
  'renaming-column':
    'the version before knows only the old name. Add a second column and move over; or say `-- compat: contract`',
  'renaming-table':
    'the version before knows only the old name. Say `-- compat: contract`, or keep a view of the old name',
  'ban-drop-not-null': 'the version before does not expect null there. Say `-- compat: contract`',
  'contract-required': 'the version before may use it as it was. Say `-- compat: contract`',

  // What is lost without being named.
  'ban-drop-database': 'no migration drops a database',
  'ban-truncate-cascade': 'it empties tables that the file does not name. Name them all',
  'ban-drop-cascade': 'it drops things that the file does not name. Drop them by name first',

  // Types.
  'prefer-bigint': 'it overflows one day, and widening it rewrites the table. Use bigint',
  'prefer-timestamptz': 'it is a moment only together with a time zone that nobody wrote down. Use timestamptz',
  'prefer-text': 'another length is a change of the type. Use text, and a check constraint if the length matters',
  'ban-char-field': 'char pads with spaces and ignores them in comparisons. Use text',
  'prefer-identity':
    'a serial is a loose sequence with its own owner and rights. Use `bigint generated by default as identity`',
  'prefer-double-precision': 'four bytes keep seven digits: a coordinate moves by a metre. Use double precision',

  // Form.
  'ban-concurrent-in-transaction':
    'PostgreSQL refuses it inside a transaction. Say `-- transaction: none`, and let it be the only statement of the file',
  'no-transaction-form':
    'a file without transaction is repeated from its start after a failure. It holds one statement, which is one of: create [unique] index concurrently NAME, drop index concurrently if exists, alter type … add value if not exists, vacuum, analyze',
  'concurrent-index-name': 'without a name an unfinished index cannot be found again. Name it',
  'concurrent-if-not-exists':
    'after a failed build an INVALID index has the name, and this would take it for done. Leave `if not exists` out: a failed one is found by its name and built anew',
  'transaction-control': 'the file is a transaction already, together with its row of the history. Leave it out',
  'session-setting':
    'settings of the session are the migrator’s, and what is set stays for the files behind. A time limit goes into the header: `-- statement-timeout: 30min`',
  'unchecked-statement':
    'what it does and locks cannot be seen from here. Write plain statements, or allow it with what you know of it',
  'identifier-too-long': 'PostgreSQL cuts names after 63 bytes. Shorten it',

  // Of the whole file: these cannot be allowed.
  syntax: 'PostgreSQL does not understand it',
  'header-required':
    'the first lines say what the file is to the version before: `-- compat: expand` or `-- compat: contract`',
  'down-required':
    'say how to undo it: statements behind a line `-- down:`, or `-- down: irreversible` in the header where nothing can',
  'empty-migration': 'it holds no statement. Remove the file',
  allow: 'an allowance looks like `-- allow: RULE reason`, directly above the statement it is for',
} as const satisfies Record<string, string>;

export type Rule = keyof typeof rules;

/** Rules that no comment can allow. */
export const fixedRules: ReadonlySet<Rule> = new Set<Rule>([
  'syntax',
  'header-required',
  'down-required',
  'empty-migration',
  'allow',
]);

/** What matters when undoing, too: there the point is to lose things, and quickly. */
export const downRules: ReadonlySet<Rule> = new Set<Rule>([
  'ban-drop-database',
  'ban-truncate-cascade',
  'ban-drop-cascade',
  'ban-concurrent-in-transaction',
  'concurrent-index-name',
  'concurrent-if-not-exists',
  'transaction-control',
  'session-setting',
  'unchecked-statement',
  'identifier-too-long',
]);
