/** A text as the content or a double-quoted attribute of HTML and XML, without the control characters that XML 1.0 cannot hold. */
export function escapeMarkup(text: string): string {
  return text
    .replace(/\p{Cc}/gu, (character) => ('\t\n\r'.includes(character) ? character : '\u{FFFD}'))
    .replace(/[\u{FFFE}\u{FFFF}]/gu, '\u{FFFD}')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
