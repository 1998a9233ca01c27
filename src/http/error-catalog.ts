import type { FieldProblem } from '../errors.ts';

/** What is to be known about an error code: for `docs/errors.md`, the page at `/docs/errors` and the API document. */
export interface ErrorEntry {
  /** The HTTP status it is answered with. */
  status: number;
  /** A few words that do not change from one occurrence to the next (RFC 9457, `title`). */
  title: string;
  /** A `detail` as it is really sent. */
  example: string;
  /** The message of the object form, where it is worded differently (contract section 2). */
  objectExample?: string;
  /** 422 only: its `detail` is a list of problems, such as these. */
  fieldsExample?: readonly FieldProblem[];
  /** When it is answered. */
  cause: string;
  /** What the caller can do about it. */
  remedy: string;
}

/** Every error code that an answer can carry. The order is that of the documentation: by status. */
export const errorCatalog = {
  TEXT_EMPTY: {
    status: 400,
    title: 'Text is empty',
    example: 'text must not be empty',
    cause: 'The text of a sighting holds nothing but white space.',
    remedy: 'Send a text with at least one visible character.',
  },
  BODY_INCOMPLETE: {
    status: 400,
    title: 'Body did not arrive whole',
    example: 'The body did not arrive whole',
    cause:
      'The connection broke, or stood still for a minute, before the body of the request was there. Nothing was done.',
    remedy: 'Send the request again.',
  },
  FORM_INVALID: {
    status: 400,
    title: 'Form cannot be read',
    example: 'There was an error parsing the body',
    cause: 'The body says that it is a form, and is none: for example `multipart/form-data` without its boundary.',
    remedy: 'Let a library make the form, and let it set the `Content-Type` too.',
  },
  HOST_REPEATED: {
    status: 400,
    title: 'More than one Host',
    example: 'The request has more than one Host: send one',
    cause: 'The request has two `Host` headers, or one with a comma: which server it is meant for cannot be known.',
    remedy: 'Send one. Whoever did not write it by hand looks at the proxy between.',
  },
  NO_SIGHTINGS: {
    status: 400,
    title: 'Cat has no sightings',
    example: 'No sightings assigned to this cat yet',
    cause: 'An insight was asked for a cat that has no sighting to draw it from.',
    remedy: 'Link at least one sighting first: `POST /cats/{cat_id}/link-sightings`.',
  },
  NO_COORDINATES: {
    status: 400,
    title: 'Entry has no coordinates',
    example: 'Entry has no coordinates. Use POST /entries/{id}/normalize-location first.',
    cause: 'Distances were asked for from a sighting whose place on the map is not known.',
    remedy: 'Geocode its location first: `POST /entries/{entry_id}/normalize-location`.',
  },
  EDITS_CLOSED: {
    status: 403,
    title: 'Changing and deleting is closed',
    example: 'This server does not let visitors change or delete what is there. Ask its operator to do it.',
    cause:
      'Visitors cannot prove yet what is theirs, so a server in production lets none of them change or delete a sighting, delete a cat or take a sighting away from it.',
    remedy:
      'Do not repeat it. The operator of a server whose visitors all trust each other can allow it: `ALLOW_ANONYMOUS_EDITS=True`.',
  },
  NOT_FOUND: {
    status: 404,
    title: 'No such path',
    example: 'Not Found',
    cause: 'The API has nothing at this path.',
    remedy: 'Compare the path with the document at `/swagger`. Paths have no prefix and no trailing slash.',
  },
  ENTRY_NOT_FOUND: {
    status: 404,
    title: 'Entry not found',
    example: 'Entry not found',
    cause: 'No sighting has the id in the path; it may have been deleted.',
    remedy: 'Take ids from `GET /entries`.',
  },
  CAT_NOT_FOUND: {
    status: 404,
    title: 'Cat not found',
    example: 'Cat not found',
    objectExample: 'Cat with ID 3 not found',
    cause: 'No cat has the id in the path; it may have been deleted.',
    remedy: 'Take ids from `GET /cats`.',
  },
  COMMENT_NOT_FOUND: {
    status: 404,
    title: 'Comment not found',
    example: 'Comment 7 not found for cat 3',
    cause: 'The cat has no comment with this id: it was deleted, belongs to another cat, or the cat does not exist.',
    remedy: 'Take ids from `GET /cats/{cat_id}/comments`.',
  },
  ANALYSIS_NOT_FOUND: {
    status: 404,
    title: 'Analysis not found',
    example: 'No analysis found for this entry',
    cause: 'The sighting was never analysed, or does not exist.',
    remedy: 'Make the analysis: `POST /entries/{entry_id}/analyze`.',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'Method not allowed',
    example: 'Method Not Allowed',
    cause: 'The path exists, but not with this method.',
    remedy: 'Use one of the methods in the `Allow` header of the answer.',
  },
  WRITES_ELSEWHERE: {
    status: 409,
    title: 'Writes are taken in another region',
    example: 'Writes are taken in the region iad',
    cause:
      'The server stands beside a replica of the database. The answer tells the proxy of Fly.io, by its `fly-replay` header, to repeat the request in the region of the primary; a client behind that proxy never sees it.',
    remedy: 'Whoever sees it has reached the server past the proxy: send writes to the public address.',
  },
  PAYLOAD_TOO_LARGE: {
    status: 413,
    title: 'Body too large',
    example: 'The body is too large: at most 131072 bytes',
    cause: 'The body of the request is larger than the operation reads.',
    remedy: 'Send less: the limit is in the message.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: 'Content type not supported',
    example: 'The body must be JSON: send it with Content-Type: application/json, not text/plain',
    cause: 'The body was sent with a content type that the operation does not read, with none, or compressed.',
    remedy:
      'Send the `Content-Type` that the document names for the operation (also in `Accept-Post` of the answer), and no `Content-Encoding`.',
  },
  AREA_TOO_LARGE: {
    status: 422,
    title: 'Too many sightings in the area',
    example: 'More than 500000 sightings lie in this area. Ask for a smaller radius.',
    fieldsExample: [
      {
        type: 'value_error',
        loc: ['query', 'radius'],
        msg: 'Value error, More than 500000 sightings lie in this area. Ask for a smaller radius.',
        input: '10000',
      },
    ],
    cause: 'The area has more sightings than one answer lists.',
    remedy: 'Ask for a smaller radius, several times if need be.',
  },
  VALIDATION_FAILED: {
    status: 422,
    title: 'Request is not valid',
    example: 'text: Field required',
    fieldsExample: [{ type: 'missing', loc: ['body', 'text'], msg: 'Field required', input: { nickname: 'Momo' } }],
    cause: 'The body, a path parameter or a query parameter breaks a rule of the document.',
    remedy: 'Correct every field in the list: `loc` says which, `msg` says what is wrong with it.',
  },
  CLIENT_GONE: {
    status: 499,
    title: 'Client has gone',
    example: 'The client has gone',
    cause: 'The client closed the connection while its answer was being made, and the work was stopped.',
    remedy: 'Nothing: it stands in the log and the metrics of the server only, for there is nobody to send it to.',
  },
  INTERNAL_ERROR: {
    status: 500,
    title: 'Internal error',
    example: 'Internal Server Error',
    cause: 'A fault of the server. What exactly is in its log, under the request id.',
    remedy: 'Try again later; if it stays, report the `request_id`.',
  },
  DATABASE_DAMAGED: {
    status: 500,
    title: 'Database damaged',
    example: 'What the database keeps here is damaged. Trying again does not help: tell the operator of this server.',
    cause:
      'The database found that a page, an index or a file of its own is not what it wrote: a fault of a disk, of memory, or of a copy of its files. Other data may be whole.',
    remedy:
      'Trying again does not help. The operator stops the server, copies the files of the database aside, and restores the newest backup; `catatlas doctor` says what is damaged.',
  },
  METHOD_UNKNOWN: {
    status: 501,
    title: 'Method unknown',
    example: 'The server does not know this method',
    cause: 'The method of the request is none that any path of this API could have.',
    remedy: 'Use one that the document names. Methods are written in capital letters.',
  },
  NOT_IMPLEMENTED: {
    status: 501,
    title: 'Not available in this version',
    example: 'Geocoding is not available in this version of the server',
    cause: 'The operation is part of the API, but the running version does not perform it yet.',
    remedy: 'See `GET /version` and the change log. Trying again does not help.',
  },
  DATABASE_READ_ONLY: {
    status: 503,
    title: 'Database takes no writes',
    example: 'The database takes no writes at the moment. Try again soon.',
    cause:
      'The server is connected to a replica and has no way to the primary, or the primary was set to read-only for a time. Reads work.',
    remedy: 'Try again after the seconds in `Retry-After`. Nothing was changed.',
  },
  DATABASE_UNAVAILABLE: {
    status: 503,
    title: 'Database unavailable',
    example: 'The database cannot be reached at the moment. Try again in a few seconds.',
    cause:
      'The database refused the connection or the user, is restarting, is full, or did not answer in time. A read whose connection broke has been tried twice.',
    remedy: 'Repeat the request after the seconds in `Retry-After`.',
  },
  REQUEST_TIMEOUT: {
    status: 503,
    title: 'Answer took too long',
    example: 'The answer took too long, and the work was stopped. Ask for less, or try again later.',
    cause:
      'The answer was not ready within `REQUEST_TIMEOUT_SECONDS`, and the work for it was stopped. A write may have been done all the same.',
    remedy:
      'Ask for less (a smaller radius), or repeat the request after the seconds in `Retry-After`. Look before you repeat a write.',
  },
  SERVER_BUSY: {
    status: 503,
    title: 'Server has too much of this work',
    example: 'The server has too much of this work at the moment. Try again soon.',
    cause:
      'The operation is expensive, and as many requests for it are at work or waiting as the server takes. Nothing was done.',
    remedy: 'Repeat the request after the seconds in `Retry-After`. Operations that are cheap go on meanwhile.',
  },
  NOT_READY: {
    status: 503,
    title: 'Not ready',
    example: 'The server is not ready yet. Try again in a few seconds.',
    cause: 'The server is starting, is bringing its database up to date, or is about to stop.',
    remedy: 'Repeat the request after the seconds in `Retry-After`. `GET /health/ready` names what is missing.',
  },
} as const satisfies Record<string, ErrorEntry>;

/** A code of the catalogue. */
export type ErrorCode = keyof typeof errorCatalog;

/** Tells whether a text is a code of the catalogue. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCatalog, code);
}

/** What the catalogue says about a code, if it is one of its own. */
export function findErrorEntry(code: string): ErrorEntry | undefined {
  return isErrorCode(code) ? errorCatalog[code] : undefined;
}

/** Whether the same request may succeed later: a passing fault of the server, or too many requests. Damage does not pass. */
export function isRetryable(code: ErrorCode): boolean {
  const { status }: ErrorEntry = errorCatalog[code];
  return status === 429 || (status >= 500 && status !== 501 && code !== 'DATABASE_DAMAGED');
}

/** Where the catalogue is served for people. */
export const errorPagePath = '/docs/errors';

/** The `type` of a problem (RFC 9457 3.1.1): a relative reference that resolves on this server to the words about the code. */
export function errorType(code: ErrorCode): string {
  return `${errorPagePath}#${errorAnchor(code)}`;
}

/** The anchor of a code on the page and in `docs/errors.md`: what Markdown renderers make of a heading. */
export function errorAnchor(code: ErrorCode): string {
  return code.toLowerCase();
}

const introduction = [
  'Every error answer carries a `code`. It does not change; the message may. Decide by `code`, show `message`, and quote `request_id` when you ask for help.',
  'The default body is `application/json`: `detail` as clients of the first server read it (a text, an object, or the list of invalid fields), with `message`, `code`, `retryable` and `request_id` beside it. With `Accept: application/problem+json` the same error is answered as RFC 9457 problem details, whose `type` leads here.',
];

/** The catalogue as Markdown: the text of `docs/errors.md`. */
export function renderErrorsMarkdown(): string {
  const lines = ['# Errors', '', ...introduction.flatMap((paragraph) => [paragraph, ''])];
  lines.push('| Code | Status | Meaning |', '|---|---|---|');
  for (const [code, entry] of catalogEntries())
    lines.push(`| [${code}](#${errorAnchor(code)}) | ${entry.status} | ${entry.title} |`);
  for (const [code, entry] of catalogEntries()) {
    lines.push('', `## ${code}`, '', `**${entry.status} ${entry.title}.** ${entry.cause}`, '');
    lines.push(`What to do: ${entry.remedy}`, '', `Example: "${entry.example}"`);
  }
  return `${lines.join('\n')}\n`;
}

/** The catalogue as a page that needs nothing from elsewhere, not even a script. `style` goes into its style element. */
export function renderErrorsPage(style: string): string {
  const sections = catalogEntries().map(
    ([code, entry]) => `<section id="${errorAnchor(code)}">
<h2><a href="#${errorAnchor(code)}">${code}</a> <span>${entry.status}</span></h2>
<p><strong>${markUp(entry.title)}.</strong> ${markUp(entry.cause)}</p>
<p>What to do: ${markUp(entry.remedy)}</p>
<p>Example: <q>${escapeHtml(entry.example)}</q></p>
</section>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>CatAtlas API: errors</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>Errors</h1>
${introduction.map((paragraph) => `<p>${markUp(paragraph)}</p>`).join('\n')}
<p><a href="../swagger">Back to the API document</a></p>
${sections.join('\n')}
</main>
</body>
</html>
`;
}

function catalogEntries(): [ErrorCode, ErrorEntry][] {
  return Object.entries(errorCatalog).filter((pair): pair is [ErrorCode, (typeof pair)[1]] => isErrorCode(pair[0]));
}

function markUp(text: string): string {
  return escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}

/** Makes text safe inside an HTML element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
