import type { Queryable } from './connect.ts';

/** What the role needs. The history is the table catatlas_migrations, the tables are all others of ours, the sequences number their rows. */
export interface Right {
  on: 'database' | 'schema' | 'tables' | 'history' | 'sequences';
  privilege: 'connect' | 'create' | 'temporary' | 'usage' | 'select' | 'insert' | 'update' | 'delete' | 'ownership';
}

/** What a command does to a database, as far as rights go. */
export type Deed = 'serve' | 'migrate' | 'read all' | 'replace all' | 'import' | 'seed';

const need = (on: Right['on'], ...privileges: Right['privilege'][]): Right[] =>
  privileges.map((privilege) => ({ on, privilege }));
const reach = [...need('database', 'connect'), ...need('schema', 'usage')];
const read = [...reach, ...need('tables', 'select'), ...need('history', 'select')];
const own = [...need('tables', 'ownership'), ...need('history', 'ownership')];

/** The one list of the rights that each deed needs: the errors of commands, `catatlas doctor` and docs/rights.md are made from it. */
export const rightsOf: Readonly<Record<Deed, readonly Right[]>> = {
  serve: [...read, ...need('tables', 'insert', 'update', 'delete')],
  migrate: [...reach, ...need('schema', 'create'), ...own],
  'read all': [...read, ...need('sequences', 'select')],
  'replace all': [...reach, ...need('database', 'create'), ...need('schema', 'create'), ...own],
  import: [...reach, ...need('database', 'temporary'), ...need('schema', 'create'), ...own],
  seed: [...read, ...need('tables', 'insert', 'update'), ...need('sequences', 'update')],
};

/** Every command that uses a database, with what it does there. */
export const deedsOfCommands: readonly { command: string; deed: Deed; note?: string }[] = [
  { command: 'serve', deed: 'serve', note: 'To apply pending migrations also those of migrate' },
  {
    command: 'migrate',
    deed: 'migrate',
    note: 'To take over the tables of the first server also create on the database',
  },
  { command: 'backup create', deed: 'read all' },
  { command: 'backup restore', deed: 'replace all' },
  { command: 'backup verify', deed: 'replace all', note: 'In the database of --to; without it none' },
  { command: 'copy', deed: 'read all', note: 'In the source' },
  { command: 'copy --to', deed: 'replace all', note: 'In the target' },
  { command: 'import', deed: 'import' },
  { command: 'seed', deed: 'seed', note: 'To make the tables also those of migrate' },
];

/**
 * The statements that grant what the role lacks for a deed; none when it lacks nothing. `tables`: the names of ours and of the history;
 * what is not there yet is left out. Only catalogues are read.
 */
export async function findMissingGrants(sql: Queryable, deed: Deed, tables: readonly string[]): Promise<string[]> {
  const names = `{${tables.map((name) => JSON.stringify(name)).join(',')}}`;
  const rows = await sql<{ statement: string }[]>`
    with needed as (
      select kind, privilege from json_to_recordset(${JSON.stringify(
        rightsOf[deed].map(({ on, privilege }) => ({ kind: on, privilege })),
      )}::text::json) as needed (kind text, privilege text)
    ), home as (
      -- A schema that may not be used is not the current one.
      select oid, nspname from pg_namespace where oid = coalesce(
        (select oid from pg_namespace where nspname = current_schema()),
        (select pg_namespace.oid
          from unnest(string_to_array(current_setting('search_path'), ',')) with ordinality as path (name, place)
          join pg_namespace on nspname = case btrim(name, ' "') when '$user' then current_user else btrim(name, ' "') end
          order by place limit 1))
    ), ours as (
      select pg_class.oid, relowner, format('%I.%I', nspname, relname) as name,
        case relname when 'catatlas_migrations' then 'history' else 'tables' end as kind
      from home join pg_class on relnamespace = home.oid
      where relkind in ('r', 'p') and relname = any(${names}::text[])
    ), sequences as (
      select held.oid, format('%I.%I', nspname, relname) as name
      from ours join pg_depend on refobjid = ours.oid and refclassid = 'pg_class'::regclass and deptype in ('a', 'i')
      join pg_class as held on held.oid = objid and held.relkind = 'S' join home on home.oid = relnamespace
    ), missing (place, statement) as (
      select 1, format('grant %s on database %I to %I', privilege, current_database(), current_user) from needed
      where kind = 'database' and not has_database_privilege(current_database(), privilege)
      union all
      select 2, format('grant %s on schema %I to %I', privilege, nspname, current_user) from needed, home
      where kind = 'schema' and not has_schema_privilege(home.oid, privilege)
      union all
      select 3, format('grant %s on %s to %I', string_agg(privilege, ', ' order by privilege), name, current_user)
      from needed join ours using (kind)
      where case when privilege <> 'ownership' then not has_table_privilege(ours.oid, privilege) end group by name
      union all
      select 4, format('grant %s on sequence %s to %I', privilege, name, current_user) from needed, sequences
      where case when kind = 'sequences' then not has_sequence_privilege(sequences.oid, privilege) end
      union all
      select 5, format('alter table %s owner to %I', name, current_user) from needed join ours using (kind)
      where privilege = 'ownership' and not pg_has_role(relowner, 'usage')
    )
    select statement from missing order by place, statement`;
  return rows.map(({ statement }) => statement);
}

/** The text of docs/rights.md. */
export function renderRightsMarkdown(): string {
  const words: Record<Right['on'], string> = {
    database: 'the database',
    schema: 'the schema',
    tables: 'the tables',
    history: '`catatlas_migrations`',
    sequences: 'the sequences of the ids',
  };
  const rows = deedsOfCommands.map(({ command, deed, note }) => {
    const rights = Object.entries(words).flatMap(([on, what]) => {
      const privileges = rightsOf[deed].filter((right) => right.on === on).map(({ privilege }) => privilege);
      return privileges.length === 0
        ? []
        : [`${privileges.join(', ')} ${privileges[0] === 'ownership' ? 'of' : 'on'} ${what}`];
    });
    return `| \`${command}\` | ${rights.join('; ')} | ${note ?? ''} |`;
  });
  return `<!-- Generated from src/database/rights.ts by scripts/generate-rights-doc.ts: change it there. -->

# Rights in the database

What the role of the address needs for each command. Simplest is a role that owns the database: it has all of them.

| Command | Needs | |
| --- | --- | --- |
${rows.join('\n')}

Commands other than \`serve\` use \`DIRECT_DATABASE_URL\` where it is set, so that a server can do without the rights to migrate and to restore.
\`catatlas doctor\` tries all of these rights before the day of need (*Rights of commands*). A command that lacks one changes nothing, ends
with exit code 1, and prints the statements that grant what is missing, for the owner or a superuser to run. Identity columns need no right
on their sequence when a row is added.
`;
}
