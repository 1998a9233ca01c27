import { defaultTextOf, explainSetting, rowOf, type SettingName, settingGroups, settingNames } from './settings.ts';

/**
 * The text of `.env.example`. Every line is a comment, so that a copy changes nothing until somebody decides something; values
 * have no quotes, because `docker run --env-file` and `fly secrets import` take quotes as part of the value.
 */
export function renderEnvExample(): string {
  const head = [
    'Settings of CatAtlas. Generated from src/config/settings.ts by scripts/generate-settings.ts: change it there.',
    '',
    'The program reads environment variables and never this file. Hand a copy of it over by name, for example with',
    '  docker run --env-file catatlas.env …',
    '  systemd: EnvironmentFile=/etc/catatlas.env',
    '  fly secrets import < catatlas.env',
    'and remove the "# " in front of what you set. A comment must have its own line. Check with: catatlas config check',
  ];
  const groups = settingGroups.map((group) => {
    const rows = namesIn(group).map((name) => {
      const text = `${explainSetting(name)} Type: ${rowOf(name).kind.type}. Default: ${defaultTextOf(name)}.`;
      return `${commented(fold(text, 110))}\n# ${name}=${rowOf(name).example}\n`;
    });
    return `# ---- ${group} ----\n\n${rows.join('\n')}`;
  });
  return `${commented(head)}\n\n${groups.join('\n')}`;
}

/** The text of `docs/settings.md`. */
export function renderSettingsMarkdown(): string {
  const groups = settingGroups.map((group) => {
    const rows = namesIn(group).map((name) => {
      const cells = [
        `\`${name}\``,
        explainSetting(name),
        rowOf(name).kind.type,
        defaultTextOf(name),
        `\`${rowOf(name).example}\``,
      ];
      return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
    });
    return `## ${group}\n\n| Variable | What it is for | Type | Default | Example |\n| --- | --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return `${introduction}\n${groups.join('\n')}`;
}

const introduction = `<!-- Generated from src/config/settings.ts by scripts/generate-settings.ts: change it there. -->

# Settings

\`catatlas config check\` finds everything that is wrong, at once. \`catatlas config print\` shows each value and where it comes
from, with secrets hidden. \`catatlas help settings\` prints this list in a terminal.

## Where values come from

1. An option of the command, where it has one: \`catatlas serve --port 9000\`.
2. The environment variable. One that is set to nothing counts as not set.
3. For a secret, the file that \`NAME_FILE\` names: its content without one line break at the end. To set both \`NAME\` and
   \`NAME_FILE\` is an error.
4. The default.

No other file is read, and nothing from the working directory: there is no \`.env\` that loads itself.

Whole numbers are decimal digits. True is \`true\`, \`1\`, \`yes\` or \`on\`; false is \`false\`, \`0\`, \`no\` or \`off\`; in any case
of letters, and anything else is an error. A variable that looks like a misspelled setting (\`DATABSE_URL\`, \`LOGLEVEL\`) is
reported as a warning, because the environment belongs to other programs too.

## Addresses of databases

\`DATABASE_URL\`, \`DIRECT_DATABASE_URL\`, \`REPLICA_DATABASE_URL\`, \`TARGET_DATABASE_URL\` and \`--to\` mean what they mean to psql, or are refused before
anything is connected, with exit code 2 and the name of the parameter. One address may name several hosts (\`one:5432,two:5432\`) or a Unix
socket (\`postgresql://USER@%2Fvar%2Frun%2Fpostgresql/DATABASE\`, \`postgresql://USER@/DATABASE?host=/var/run/postgresql\`). \`%XX\` is decoded and nothing
else: a plus is a plus. Of a parameter that is given twice the last one counts.

| parameter | what becomes of it |
| --- | --- |
| \`host\`, \`hostaddr\` (without a host), \`port\`, \`dbname\`, \`user\`, \`password\`, \`options\`, \`application_name\`, \`sslmode\`, \`sslrootcert\`, \`sslnegotiation\`, \`target_session_attrs\`; \`ssl=true\` | means what it means to libpq |
| \`connect_timeout\` | counts, if it is shorter than \`DATABASE_CONNECT_TIMEOUT_SECONDS\` |
| \`channel_binding=require\` | an error without \`sslmode=verify-full\`: channel binding is not spoken, and that is what makes sure of the server |
| \`fallback_application_name\`, \`keepalives…\`, \`tcp_user_timeout\`, \`sslsni\`, \`sslcompression\`, \`sslkeylogfile\`, \`gsslib\`, \`gssdelegation\`, \`krbsrvname\`, \`max_protocol_version\`, \`pgbouncer\` | accepted without effect |
| \`client_encoding\`, \`gssencmode\`, \`load_balance_hosts\`, \`min_protocol_version\`, \`replication\`, \`sslcertmode\`, \`ssl_min_protocol_version\`, \`ssl_max_protocol_version\`, \`TimeZone\`, \`DateStyle\`, \`IntervalStyle\` | accepted with values that change nothing (\`UTF8\`, \`prefer\`, \`disable\`, \`UTC\` …), otherwise an error |
| any other of libpq's, such as \`passfile\`, \`service\`, \`sslcert\`, \`sslcrl\`, \`require_auth\` | an error that says what to do |
| \`search_path\`, \`statement_timeout\` … | is for the server, though psql refuses it here. What the server refuses ends the start with exit code 2 |

The authorities that \`sslmode=verify-ca\` and \`verify-full\` ask are those in the file of \`sslrootcert\`, else in \`~/.postgresql/root.crt\`. With
\`sslrootcert=system\`, and where there is no such file, they are those that the program brings along. \`sslmode=require\` asks them, too, when there is a file.
\`config check\` reads it. \`allow\` is taken as \`prefer\`, and a connection that TLS was begun on never goes on without it. The \`PG…\` variables and
\`~/.pgpass\` are not read: an address has all that counts. A user that is not named is who runs the program; host and database have to be named.

The rights that the role needs are in [rights.md](rights.md).

## Development and production

Without \`DATABASE_URL\` the start is a development start: embedded database, 127.0.0.1, \`DEBUG=True\`. With \`DATABASE_URL\`
it is a production start, \`DEBUG=False\`, unless \`DEBUG\` says otherwise. A production start is refused, with exit code 2 and
every reason at once, when

- there is no \`DATABASE_URL\`, or it or \`DATABASE_TYPE\` names SQLite;
- \`JWT_SECRET\` is missing, a known placeholder, an example that was printed somewhere, repetitive, or shorter than its
  algorithm needs: 32 characters for HS256, 48 for HS384, 64 for HS512. \`catatlas secret\` makes one that is good for all;
- \`ALLOWED_ORIGINS\` has \`*\`.

In both, every value must be valid. An origin is scheme, host and, if need be, port: one with a path, a query or a slash at the
end would never match what a browser sends, so it is an error.

In production every answer to a request that came by HTTPS has \`Strict-Transport-Security\`, for two years and this host alone. TLS ends in front of
the program, so the proxy there has to say \`X-Forwarded-Proto: https\`; Fly.io's does.

The first server's \`CATATLAS_DB_PATH\` and \`DATABASE_PATH\` named a SQLite file. They are not read, and a warning says so.

## Stopping

After SIGTERM or SIGINT the server says at \`/health/ready\` that it is not ready, goes on answering for
\`SHUTDOWN_DRAIN_SECONDS\`, then takes no more connections and gives requests under way \`SHUTDOWN_TIMEOUT_SECONDS\`. Let the
platform wait longer than both together (Fly.io: \`kill_timeout\`, Kubernetes: \`terminationGracePeriodSeconds\`). On Fly.io set
\`SHUTDOWN_DRAIN_SECONDS=6\`: its proxy keeps connections for about four seconds.
`;

function namesIn(group: (typeof settingGroups)[number]): SettingName[] {
  return settingNames.filter((name) => rowOf(name).group === group);
}

function commented(lines: readonly string[]): string {
  return lines.map((each) => `# ${each}`.trimEnd()).join('\n');
}

function fold(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
