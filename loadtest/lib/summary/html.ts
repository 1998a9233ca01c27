import { escapeMarkup } from './markup.ts';
import type { Report } from './report.ts';
import { headline, type Table, tablesOf } from './tables.ts';

const style = `body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1c1e;background:#fff}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}.passed{color:#12653a}.failed{color:#a3121f}
table{border-collapse:collapse;width:100%}th,td{padding:.3rem .6rem;border-bottom:1px solid #ddd;text-align:right}
th:first-child,td:first-child{text-align:left;overflow-wrap:anywhere}tr.wrong{background:#fdecee}
@media(prefers-color-scheme:dark){body{color:#e8e8ea;background:#1c1c1e}th,td{border-color:#444}tr.wrong{background:#4a1c21}.passed{color:#6fd39b}.failed{color:#ff8f98}}`;

/** The report as one page that needs nothing else: no script, no font, no picture. */
export function writeHtml(report: Report): string {
  const title = escapeMarkup(headline(report));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<h1 class="${report.passed ? 'passed' : 'failed'}">${title}</h1>
<p>Ended ${escapeMarkup(report.endedAt)}.</p>
${tablesOf(report).map(writeTable).join('\n')}
</body>
</html>
`;
}

function writeTable({ title, columns, rows }: Table): string {
  const head = columns.map((column) => `<th scope="col">${escapeMarkup(column)}</th>`).join('');
  const body = rows.map(({ cells, ok }) => {
    const columnsOfRow = cells.map((cell) => `<td>${escapeMarkup(cell)}</td>`).join('');
    return `<tr${ok ? '' : ' class="wrong"'}>${columnsOfRow}</tr>`;
  });
  return `<h2>${escapeMarkup(title)}</h2>
<table>
<thead><tr>${head}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table>`;
}
