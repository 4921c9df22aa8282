/**
 * Text from pods, objects, files and servers on its way to a terminal, a log or a status. Escape sequences in it could
 * move a cursor, hide or forge lines, or drive a terminal; line breaks could forge a line of a log. Pure.
 */

/** Blanks and line ends, also those of Unicode. */
const breaks = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;
const breaksInLine = /[\t\v\f\r\u0085\u2028\u2029]+/g;
/** Control characters (C0, DEL, C1), marks that turn the direction of text, the byte-order mark, halves of surrogates. */
const unprintable = /[\p{Cc}\p{Bidi_Control}\ufeff\p{Cs}]/gu;
const unprintableInLines = /[\p{Bidi_Control}\u2028\u2029\ufeff\p{Cs}]|(?!\n)\p{Cc}/gu;

/** One line: breaks become a space, every other character that a terminal acts on its escape, such as `\u001b`. */
export function printable(text: string): string {
  return text.replace(breaks, ' ').replace(unprintable, escaped);
}

/** As `printable`, for a text whose line feeds are our own. */
export function printableLines(text: string): string {
  return text.replace(breaksInLine, ' ').replace(unprintableInLines, escaped);
}

/** A text of JSON that says the same without a character that a terminal acts on. JSON itself escapes only C0. */
export function printableJson(json: string): string {
  return json.replace(unprintableInLines, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
