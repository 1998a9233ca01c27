import { escapeMarkup } from './markup.ts';
import type { Report } from './report.ts';

interface TestCase {
  className: string;
  name: string;
  /** Why it failed; undefined when it did not. */
  failure: string | undefined;
}

/** The report as JUnit XML, which pipelines show as tests: each check and each threshold is one. */
export function writeJunit(report: Report): string {
  const cases: TestCase[] = [
    ...report.checks.map(({ name, passes, fails }) => ({
      className: `${report.script}.checks`,
      name,
      failure: fails === 0 ? undefined : `false ${fails} of ${passes + fails} times`,
    })),
    ...report.thresholds.map(({ metric, expression, measured, ok }) => ({
      className: `${report.script}.thresholds`,
      name: `${metric}: ${expression}`,
      failure: ok ? undefined : `measured ${measured === '' ? 'nothing' : measured}`,
    })),
  ];
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  const counts = `tests="${cases.length}" failures="${failures}" errors="0" skipped="0" time="${report.seconds.toFixed(3)}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites ${counts}>
<testsuite name="${escapeMarkup(report.script)}" timestamp="${escapeMarkup(report.endedAt)}" hostname="${escapeMarkup(report.baseUrl)}" ${counts}>
${cases.map(writeCase).join('\n')}
</testsuite>
</testsuites>
`;
}

function writeCase({ className, name, failure }: TestCase): string {
  const attributes = `classname="${escapeMarkup(className)}" name="${escapeMarkup(name)}" time="0"`;
  if (failure === undefined) return `<testcase ${attributes}/>`;
  return `<testcase ${attributes}><failure message="${escapeMarkup(failure)}"/></testcase>`;
}
