import type { Report } from './report.ts';
import { headline, type Table, tablesOf } from './tables.ts';

/** The report as Markdown, for the summary page of a pipeline. */
export function writeMarkdown(report: Report): string {
  return `## ${escapeCell(headline(report))}\n\nEnded ${report.endedAt}.\n${tablesOf(report).map(writeTable).join('')}`;
}

function writeTable({ title, columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(' | ')} |\n`;
  const rule = `| --- |${' ---: |'.repeat(columns.length - 1)}\n`;
  return `\n### ${title}\n\n${line(columns)}${rule}${rows.map(({ cells }) => line(cells)).join('')}`;
}

/** Keeps a text in its cell, and a `<` or `*` from meaning anything. */
function escapeCell(text: string): string {
  return text.replace(/[\\`*_{}[\]<>|]/g, '\\$&').replace(/\s*[\r\n]+\s*/g, ' ');
}
