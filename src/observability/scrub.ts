/** What a secret or a person's data looks like, and what stands in its place. */
const patterns: readonly (readonly [RegExp, string])[] = [
  // User and password of an address.
  [/\b([a-z][\w+.-]*:\/\/)[^\s/@]*@/gi, '$1[hidden]@'],
  // What is behind the question mark of an address.
  [/\b([a-z][\w+.-]*:\/\/[^\s?"']*)\?[^\s"']*/gi, '$1?[hidden]'],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '[token]'],
  [/\b(bearer|basic)\s+\S+/gi, '$1 [hidden]'],
  [
    /\b(\w*(?:password|passwd|secret|token|api[_-]?key|authorization|cookie)\w*["']?\s*[:=]\s*)[^\s,;&]+/gi,
    '$1[hidden]',
  ],
  [/\bAGE-SECRET-KEY-\w+/gi, '[key]'],
  [/[\w.+-]+@[\w-]+\.[\w.-]+/g, '[address]'],
  [/\b\d{1,3}(?:\.\d{1,3}){3}\b/g, '[ip]'],
  [/(?<![\w:])(?:[\da-f]{0,4}:){3,7}[\da-f]{0,4}(?![\w:])/gi, '[ip]'],
  // Programs quote what they were given: a parser its input, a server its data.
  [/"(?:[^"\\]|\\.)*"?/g, '"…"'],
];

/** The most of a message that is passed on, in characters. */
const longestMessage = 300;

/**
 * A message as it may leave this machine: its first line, without secrets and without what it quotes. `secrets` are texts that are
 * hidden wherever they occur. One that is a document in itself (a validator's report holds the data) is left out.
 */
export function scrubMessage(message: string, secrets: readonly string[]): string {
  let text = message.trim();
  for (const secret of secrets) text = text.replaceAll(secret, '[secret]');
  if (/^[{[]/.test(text) && !text.startsWith('[secret]')) return '[left out: it holds data]';
  text = text.split('\n', 1)[0] ?? '';
  for (const [pattern, replacement] of patterns) text = text.replace(pattern, replacement);
  return text.slice(0, longestMessage);
}
