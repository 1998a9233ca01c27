import type { Report } from './report.ts';
import { headline, type Table, tablesOf } from './tables.ts';

/** The report for a terminal: plain text, no colours, since it is mostly read in the log of a pipeline. */
export function writeText(report: Report): string {
  return `${headline(report)}\n${tablesOf(report).map(writeTable).join('')}\n`;
}

function writeTable({ columns, rows }: Table): string {
  const lines = [columns, ...rows.map(({ cells }) => cells)];
  const widths = columns.map((_, column) => Math.max(...lines.map((cells) => (cells[column] ?? '').length)));
  const written = lines.map((cells) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return `\n${written.map((line) => `  ${line}\n`).join('')}`;
}
