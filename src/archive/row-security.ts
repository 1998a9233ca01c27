import type { Tx } from '../database/connect.ts';
import { quoteName } from '../migrator/home.ts';
import { ArchiveTargetError } from './archive-error.ts';

/**
 * Throws when policies hide rows of these tables of the current schema from this role: what it reads would be taken for the whole.
 * `pinTextFormat` makes the server refuse such a read as well, should a policy come in between.
 *
 * @throws {ArchiveTargetError} names the role, each table and what to do
 */
export async function requireEveryRow(tx: Tx, tables: readonly string[]): Promise<void> {
  const rows = await tx<{ role: string; name: string; owned: boolean; forced: boolean }[]>`
    select current_user::text as role, format('%I.%I', nspname, relname) as name, pg_has_role(relowner, 'usage') as owned, relforcerowsecurity as forced
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = current_schema() and relname = any(${`{${tables.join(',')}}`}::text[]) and relkind in ('r', 'p')
      and row_security_active(pg_class.oid)
    order by relname`;
  const [first] = rows;
  if (!first) return;
  const ways = [
    // Where it is forced, the owner does not see them either.
    ...(rows.every(({ owned, forced }) => !owned && !forced) ? ['run it as the owner of the tables'] : []),
    `have a superuser run "alter role ${quoteName(first.role)} bypassrls"`,
    ...rows
      .filter(({ owned }) => owned)
      .map(({ name }) => `let the owner see all: "alter table ${name} no force row level security"`),
  ];
  throw new ArchiveTargetError(
    `row security hides rows from the role ${first.role}, in ${rows.map(({ name }) => name).join(', ')}: what it can read is not all there is. Nothing was written. ${capitalize(ways.join(', or '))}.`,
  );
}

function capitalize(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
