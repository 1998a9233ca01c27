import { build } from '../build.ts';
import { readSettings, type SettingsInput, type SettingValues, secretNames } from '../config/settings.ts';
import type { CurrentRequest } from './current-request.ts';
import { faultReporter, reportFaultsTo } from './fault-reports.ts';
import type { Log } from './log.ts';
import { openSentry, type Sentry } from './sentry.ts';

/** The way to Sentry that the settings name: one for the whole process. Undefined without a usable SENTRY_DSN. Throws nothing. */
export function openProcessSentry(input: SettingsInput, log: Log): Sentry | undefined {
  const existing = faultReporter();
  if (existing) return existing;
  const { values, production } = readSettings(input);
  if (values.SENTRY_DSN === undefined) return undefined;
  const sentry = openSentry({
    dsn: values.SENTRY_DSN,
    origin: {
      release: `catatlas@${build.version}+${build.commit}`,
      environment: values.SENTRY_ENVIRONMENT ?? (production ? 'production' : 'development'),
      runtime: build.runtime,
      secrets: secretsIn(values),
    },
    sampleRate: values.SENTRY_TRACES_SAMPLE_RATE ?? 0,
    log,
  });
  reportFaultsTo(sentry);
  return sentry;
}

/** A log that also reports what is written as an error: those are the faults, and what is expected is a warning at most. */
export function reportingLog(log: Log, sentry: Sentry, requestOf: () => CurrentRequest | undefined): Log {
  return {
    ...log,
    error(message, fields) {
      log.error(message, fields);
      sentry.report({ message, error: fields?.['error'], request: requestOf() });
    },
    child: (fields) => reportingLog(log.child(fields), sentry, requestOf),
  };
}

/** Every text that is secret, and the passwords in those that are addresses; the longest first. */
function secretsIn(values: Partial<SettingValues>): string[] {
  const whole = secretNames.flatMap((name) => (typeof values[name] === 'string' ? [String(values[name])] : []));
  const passwords = whole.flatMap((secret) => {
    const authority = /^[\w+.-]+:\/\/([^/?]*)@/.exec(secret)?.[1];
    const password = authority?.slice(authority.indexOf(':') + 1);
    return password === undefined ? [] : [password, decode(password)];
  });
  // A short one would be found everywhere.
  return [...new Set([...whole, ...passwords])].filter(({ length }) => length >= 6).sort((a, b) => b.length - a.length);
}

/** As it is where it is not encoded. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
