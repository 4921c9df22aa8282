/**
 * HTML and SVG from templates that escape every value. Pure.
 *
 * Invariant: markup/1 Only `markup` makes markup, and the text parts of its templates are those of this program. Every other
 * text is escaped, shows what a browser or a reader would act on as an escape (bidirectional marks, control characters), and
 * holds no secret that `redacted` recognizes.
 */
import { printable, printableLines, redacted } from '@distillery/base';

/** Text that is markup already. */
export class Markup {
  readonly text: string;

  private constructor(text: string) {
    this.text = text;
  }

  static of(strings: readonly string[], values: readonly Value[]): Markup {
    return new Markup(strings.map((part, index) => part + textOf(values[index] ?? null)).join(''));
  }

  /** A text that keeps its line feeds. */
  static lines(text: string): Markup {
    return new Markup(escaped(printableLines(redacted(text))));
  }

  /** Text of this program, such as a style sheet. */
  static own(text: string): Markup {
    return new Markup(text);
  }
}

/** null writes nothing. */
export type Value = string | number | Markup | null | readonly Value[];

export function markup(strings: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return Markup.of(strings, values);
}

function textOf(value: Value): string {
  if (value === null) return '';
  if (value instanceof Markup) return value.text;
  if (typeof value === 'object') return value.map(textOf).join('');
  return escaped(printable(redacted(String(value))));
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
