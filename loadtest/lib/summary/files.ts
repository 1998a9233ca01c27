import { writeHtml } from './html.ts';
import { writeJunit } from './junit.ts';
import { writeMarkdown } from './markdown.ts';
import { makeReport, type SummaryData } from './report.ts';
import { writeText } from './text.ts';

interface SummaryOptions {
  /** The name of the script, which the files get too. */
  script: string;
  baseUrl: string;
  /** The settings of the run, by their variables. */
  settings: Record<string, string>;
  /** An existing directory; undefined for no files. */
  directory: string | undefined;
}

/** The `handleSummary` of a script: text to standard output and, where a directory is given, one file of each kind. */
export function summaryWriter({ script, baseUrl, settings, directory }: SummaryOptions) {
  return (data: SummaryData): Record<string, string> => {
    const report = makeReport(data, { script, baseUrl, settings, endedAt: new Date().toISOString() });
    const stdout = writeText(report);
    if (directory === undefined) return { stdout };
    return {
      stdout,
      [`${directory}/${script}.html`]: writeHtml(report),
      [`${directory}/${script}.json`]: `${JSON.stringify({ ...report, k6: data }, null, 2)}\n`,
      [`${directory}/${script}.xml`]: writeJunit(report),
      [`${directory}/${script}.md`]: writeMarkdown(report),
    };
  };
}
