/**
 * Classes as the data names them, and the numbers that they get: a number in the data counts from the first class, names
 * get their index among the names. Pure.
 */
import { BadRow, byBytes, type Cell } from '../../tables/index.js';
import { numberIn, shownCell, textOfBytes } from './cells.js';

/** Names that a data set may have where the job lists none. */
const maxNames = 100_000;
/** Largest number of classes: the width of a model's answer. */
export const maxClasses = 1 << 20;
const namesShown = 6;
const maxNameBytes = 1_024;

export interface LabelSettings {
  /** In the order of the classes; absent = as the data has them. */
  readonly classes?: readonly string[] | undefined;
  readonly firstClass: 0 | 1;
}

/** How the labels of a data set become numbers. */
export type LabelRule =
  | { readonly kind: 'numbers'; readonly firstClass: number; readonly classes: number }
  | { readonly kind: 'names'; readonly names: readonly string[]; readonly firstClass: number | null };

export type Label = { readonly ok: true; readonly label: number } | { readonly ok: false; readonly problem: string };

/** Gathers the labels of a data set row by row; `rule` is known when all were seen. */
export class LabelScan {
  readonly #names = new Set<string>();
  #isNumeric = true;
  #largest = -1;

  constructor(private readonly settings: LabelSettings) {}

  /** @returns a clause when the cell can be no label, whatever the others are */
  see(cell: Cell | BadRow): string | null {
    if (cell instanceof BadRow) return cell.problem;
    const text = textOf(cell);
    if (text === null) return `it holds ${shownCell(cell)}, expected a class`;
    const number = numberIn(cell);
    if (number === null || !Number.isInteger(number)) this.#isNumeric = false;
    else this.#largest = Math.max(this.#largest, number);
    if (this.settings.classes === undefined && this.#names.size <= maxNames) this.#names.add(text);
    return null;
  }

  /** @returns a clause when the labels are no classes */
  rule(): LabelRule | string {
    const { classes, firstClass } = this.settings;
    if (classes !== undefined) return { kind: 'names', names: classes, firstClass };
    if (this.#isNumeric) {
      const count = this.#largest - firstClass + 1;
      if (count <= maxClasses) return { kind: 'numbers', firstClass, classes: Math.max(1, count) };
      return `the largest label is ${String(this.#largest)}, and at most ${String(maxClasses)} classes are supported`;
    }
    if (this.#names.size > maxNames) return `it holds more than ${String(maxNames)} different names`;
    return { kind: 'names', names: [...this.#names].sort(byBytes), firstClass: null };
  }
}

/** @returns the label of a cell under a rule */
export function labellerOf(rule: LabelRule): (cell: Cell | BadRow) => Label {
  const indexes = rule.kind === 'names' ? new Map(rule.names.map((name, index) => [name, index])) : null;
  const classes = rule.kind === 'names' ? rule.names.length : rule.classes;
  return (cell) => {
    if (cell instanceof BadRow) return { ok: false, problem: cell.problem };
    const text = textOf(cell);
    // A whole number has one name, however it is written: "1.0" is the class "1", and never the second one.
    const index = text === null ? undefined : (indexes?.get(text) ?? indexes?.get(wholeNumberName(cell) ?? text));
    if (index !== undefined) return { ok: true, label: index };
    const number = rule.firstClass === null ? null : numberIn(cell);
    const label = number === null ? -1 : number - (rule.firstClass ?? 0);
    if (Number.isInteger(label) && label >= 0 && label < classes) return { ok: true, label };
    return { ok: false, problem: `the label is ${shownCell(cell)}, expected ${expectedOf(rule)}` };
  };
}

function expectedOf(rule: LabelRule): string {
  if (rule.kind === 'numbers') return `a number from ${String(rule.firstClass)}`;
  const more = rule.names.length - namesShown;
  return `one of ${rule.names.slice(0, namesShown).join(', ')}${more > 0 ? ` and ${String(more)} more` : ''}`;
}

/** The name of a cell that is a whole number; null for any other. */
function wholeNumberName(cell: Cell): string | null {
  const number = numberIn(cell);
  return number !== null && Number.isInteger(number) ? String(number) : null;
}

/** What a label is called; null for what names no class. */
function textOf(cell: Cell): string | null {
  if (typeof cell === 'string') return cell === '' ? null : cell;
  if (cell instanceof Uint8Array) {
    const text = cell.length > maxNameBytes ? null : textOfBytes(cell)?.trim();
    return text === undefined || text === '' ? null : text;
  }
  return typeof cell === 'number' || typeof cell === 'bigint' || typeof cell === 'boolean' ? String(cell) : null;
}
