/** Severity, by the names that LOG_LEVEL takes. */
export type LogLevel = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR' | 'CRITICAL';

const rank: Record<LogLevel, number> = { DEBUG: 10, INFO: 20, WARNING: 30, ERROR: 40, CRITICAL: 50 };

type Fields = Record<string, unknown>;

/** Structured log: a message for people, fields for programs. */
export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A log that adds these fields to each line. */
  child(fields: Fields): Log;
}

interface LogOptions {
  level: LogLevel;
  /** `json`: one object a line. `pretty`: for a terminal. */
  format: 'json' | 'pretty';
  /** Colours for `pretty`. */
  color?: boolean;
  write(line: string): void;
  now(): string;
}

/** Makes the log. An Error among the fields is written as its name, message, code and stack. */
export function createLog(options: LogOptions, bound: Fields = {}): Log {
  const threshold = rank[options.level];
  const emit = (level: LogLevel, message: string, fields: Fields = {}): void => {
    if (rank[level] < threshold) return;
    const line = { time: options.now(), level, message, ...bound, ...fields };
    options.write(
      options.format === 'json' ? `${JSON.stringify(line, plainError)}\n` : pretty(line, options.color ? paint : plain),
    );
  };
  return {
    debug: (message, fields) => emit('DEBUG', message, fields),
    info: (message, fields) => emit('INFO', message, fields),
    warn: (message, fields) => emit('WARNING', message, fields),
    error: (message, fields) => emit('ERROR', message, fields),
    child: (fields) => createLog(options, { ...bound, ...fields }),
  };
}

/** The log for tests and for commands whose output is their answer. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLog };

function plainError(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (!(value instanceof Error)) return value;
  const code = 'code' in value ? { code: value.code } : {};
  return {
    name: value.name,
    message: value.message,
    ...code,
    stack: value.stack,
    ...(value.cause === undefined ? {} : { cause: value.cause }),
  };
}

const colors: Record<LogLevel, string> = { DEBUG: '90', INFO: '36', WARNING: '33', ERROR: '31', CRITICAL: '35' };
const grey = '90';

type Paint = (color: string, text: string) => string;
const paint: Paint = (color, text) => `\u001b[${color}m${text}\u001b[0m`;
const plain: Paint = (_color, text) => text;

function pretty(line: Fields & { time: string; level: LogLevel; message: string }, as: Paint): string {
  const { time, level, message, ...fields } = line;
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => {
      if (value instanceof Error) return `\n${value.stack ?? String(value)}`;
      return `${as(grey, `${key}=`)}${typeof value === 'string' ? value : JSON.stringify(value, plainError)}`;
    });
  return `${as(grey, time.slice(11, 23))} ${as(colors[level], level.padEnd(7))} ${[message, ...rest].join(' ')}\n`;
}
