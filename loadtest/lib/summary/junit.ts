import { escapeMarkup } from './markup.ts';
import { describeFailure } from './notes.ts';
import type { Report } from './report.ts';

interface TestCase {
  className: string;
  name: string;
  /** Why it failed; undefined when it did not. */
  failure: string | undefined;
  /** Passed only because there was nothing to measure. */
  skipped?: boolean;
}

/** The report as JUnit XML, which pipelines show as tests: each check and each threshold is one. */
export function writeJunit(report: Report): string {
  const cases: TestCase[] = [
    ...report.checks.map(({ name, passes, fails }) => ({
      className: `${report.script}.checks`,
      name,
      failure:
        fails === 0
          ? undefined
          : [
              `false ${fails} of ${passes + fails} times`,
              ...report.failures.filter(({ check }) => check === name).map(describeFailure),
            ].join('; '),
    })),
    ...report.thresholds.map(({ metric, expression, measured, ok }) => ({
      className: `${report.script}.thresholds`,
      name: `${metric}: ${expression}`,
      failure: ok ? undefined : `measured ${measured === '' ? 'nothing' : measured}`,
      skipped: ok && measured === '',
    })),
  ];
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  const skipped = cases.filter((one) => one.skipped === true).length;
  const counts = `tests="${cases.length}" failures="${failures}" errors="0" skipped="${skipped}" time="${report.seconds.toFixed(3)}"`;
  const properties = Object.entries({ commit: report.commit ?? 'unknown', ...report.settings });
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites ${counts}>
<testsuite name="${escapeMarkup(report.script)}" timestamp="${escapeMarkup(report.endedAt)}" hostname="${escapeMarkup(report.baseUrl)}" ${counts}>
<properties>
${properties.map(([name, value]) => `<property name="${escapeMarkup(name)}" value="${escapeMarkup(value)}"/>`).join('\n')}
</properties>
${cases.map(writeCase).join('\n')}
</testsuite>
</testsuites>
`;
}

function writeCase({ className, name, failure, skipped }: TestCase): string {
  const attributes = `classname="${escapeMarkup(className)}" name="${escapeMarkup(name)}" time="0"`;
  if (skipped === true) return `<testcase ${attributes}><skipped message="not measured"/></testcase>`;
  if (failure === undefined) return `<testcase ${attributes}/>`;
  return `<testcase ${attributes}><failure message="${escapeMarkup(failure)}"/></testcase>`;
}
