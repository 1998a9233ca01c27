import type { Queryable } from '../database/connect.ts';
import { MigrationError } from './migration-error.ts';

/** The oldest server that the SQL is tested on. */
const oldestServer = 15;

/** Throws MigrationError `refused` with everything at once that would make migrations fail half-way. One round trip. */
export async function requireFitness(sql: Queryable): Promise<void> {
  const [row] = await sql<
    [
      {
        server: number;
        encoding: string;
        schema: string | null;
        creates: boolean | null;
        read_only: boolean;
        database: string;
        user: string;
      },
    ]
  >`
    select current_setting('server_version_num')::int / 10000 as server, current_setting('server_encoding') as encoding,
      current_schema() as schema, has_schema_privilege(current_schema(), 'create') as creates,
      current_setting('transaction_read_only')::boolean as read_only,
      current_database() as database, current_user as user`;
  const problems: string[] = [];
  if (row.server < oldestServer)
    problems.push(`the server is PostgreSQL ${row.server}: ${oldestServer} or newer is needed`);
  if (row.encoding !== 'UTF8')
    problems.push(`the database ${row.database} is encoded as ${row.encoding}: create one with encoding UTF8`);
  if (row.schema === null)
    problems.push('no schema of the search_path exists: create it, or correct the search_path of the user');
  if (row.creates === false)
    problems.push(
      `the user ${row.user} may not create tables: grant create on schema ${row.schema} to ${row.user}, on database ${row.database}`,
    );
  if (row.read_only)
    problems.push(
      'the server takes no writes (it is a replica, or default_transaction_read_only is on): migrate the primary',
    );
  if (problems.length === 0) return;
  throw new MigrationError(
    'refused',
    ['the database cannot be migrated:', ...problems.map((line) => `  ${line}`), 'Nothing was changed.'].join('\n'),
  );
}
