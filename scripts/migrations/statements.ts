import { hasSqlDetails, loadModule, type Node, parseSync, type ScanToken, scanSync } from 'libpg-query';

/** A range of the text, in UTF-16 code units. */
export interface Part {
  start: number;
  end: number;
}

/** A statement without the white space and comments around it and without its semicolon. */
export interface Statement extends Part {
  /** PostgreSQL's parse tree. */
  tree: Node;
  /** What it says, short: what is in parentheses is left out. */
  summary: string;
  /** Names of more than 63 bytes, which PostgreSQL cuts. */
  longNames: string[];
  /** A location in the tree (bytes of UTF-8) as an offset into the text; the start of the statement where there is none. */
  offsetOf(location: number | undefined): number;
}

/** What PostgreSQL's parser refuses. */
export class SqlSyntaxError extends Error {
  override name = 'SqlSyntaxError';
  /** Where in the text. */
  readonly offset: number;
  readonly position: { line: number; column: number };
  readonly reason: string;

  constructor(message: string, sql: string, offset: number) {
    const position = positionOf(sql, offset);
    super(`${position.line}:${position.column}: ${message}`);
    this.offset = offset;
    this.reason = message;
    this.position = position;
  }
}

/**
 * The statements of a part of a text, as the parser of PostgreSQL 18 itself divides it. Throws SqlSyntaxError. What newer
 * servers know and older ones do not (PostgreSQL 15) is no syntax error here: that the tests find, which run on both.
 */
export async function parseStatements(sql: string, part: Part = { start: 0, end: sql.length }): Promise<Statement[]> {
  await loadModule();
  const text = sql.slice(part.start, part.end);
  if (text.trim() === '') return [];
  const trees = parse(sql, text, part.start);
  const toOffset = offsetsByByte(text);
  const tokens = scanSync(text).tokens.filter(({ tokenName }) => !tokenName.endsWith('_COMMENT'));
  return trees.flatMap(({ stmt, stmt_location: location = 0, stmt_len: length }) => {
    // No length: up to the end of the text, comments included.
    const end = length ? location + length : Number.POSITIVE_INFINITY;
    const own = tokens.filter((token) => token.start >= location && token.end <= end);
    const [first, last] = [own[0], own.at(-1)];
    if (stmt === undefined || first === undefined || last === undefined) return [];
    const start = part.start + toOffset(first.start);
    return [
      {
        start,
        end: part.start + toOffset(last.end),
        tree: stmt,
        summary: summarize(own),
        longNames: own.filter(isLongName).map(({ text }) => text),
        offsetOf: (at) => (at === undefined ? start : part.start + toOffset(at)),
      },
    ];
  });
}

/** Line and column of an offset, both from 1. */
export function positionOf(sql: string, offset: number): { line: number; column: number } {
  const before = sql.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

function parse(sql: string, text: string, base: number) {
  try {
    return parseSync(text).stmts ?? [];
  } catch (error) {
    if (!hasSqlDetails(error) || !error.sqlDetails) throw error;
    const { message, cursorPosition } = error.sqlDetails;
    // The position counts characters, not bytes and not UTF-16 code units.
    const offset = [...text].slice(0, cursorPosition).join('').length;
    throw new SqlSyntaxError(message, sql, base + offset);
  }
}

/** Offsets in UTF-16 code units by offsets in bytes of UTF-8. */
function offsetsByByte(text: string): (byte: number) => number {
  const bytes = Buffer.from(text, 'utf8');
  return bytes.length === text.length
    ? (byte) => byte
    : (byte) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, byte)).length;
}

function isLongName({ tokenName, text }: ScanToken): boolean {
  if (tokenName !== 'IDENT') return false;
  const name = text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;
  return Buffer.byteLength(name) > 63;
}

const longestSummary = 100;

/** Its words outside parentheses and in front of `where`, with one space between: `create table cats`. */
function summarize(tokens: readonly ScanToken[]): string {
  let depth = 0;
  let behind = 0;
  let summary = '';
  for (const { text, start, end } of tokens) {
    if (depth === 0 && text.toLowerCase() === 'where') break;
    if (text === ')') depth -= 1;
    else if (text === '(') depth += 1;
    else if (depth === 0) {
      const word = text.length > 30 && /^(?:[EU]&?|\$\w*\$|')/i.test(text) && /['$]$/.test(text) ? "'…'" : text;
      summary += (start > behind && summary !== '' ? ' ' : '') + word;
    }
    // What follows a parenthesis is another word, but for a comma.
    if (text !== ')') behind = end;
  }
  summary = summary.replace(/\s+/g, ' ').replace(/ ,/g, ',');
  return summary.length > longestSummary ? `${summary.slice(0, longestSummary - 1).trimEnd()}…` : summary;
}
