/** Which column is what is right for a sample, and how it is read. Pure. */
import type { DatasetField } from '@distillery/protocol';

import { ask, refuse, Undecided } from './outcome.js';
import type { Seen, SeenColumn, SeenTeacher } from './seen.js';

/** `--label none`. */
export const noLabel = 'none';
/** Names under which people keep labels; the first ones are natural to the formats, too (workers/data). */
const usualNames = ['label', 'labels', 'class', 'y', 'cls', 'target'];
/** A job lists at most so many names of classes. */
const mostNames = 10_000;

export interface LabelChoice {
  /** null = the samples are not labeled. */
  readonly field: DatasetField | null;
  readonly why: string;
}

/** The column of the labels; null = there is none. @throws nothing */
export function labelColumn({ asked, data, teacher }: Seen): SeenColumn | Undecided | null {
  const columns = data?.columns ?? [];
  if (asked.label === noLabel) return null;
  if (asked.label !== undefined) {
    const named = columns.find(({ name }) => name === asked.label);
    if (named !== undefined) return named;
    const names = columns.map(({ name }) => name).join(', ');
    return refuse('--label', `there is no column ${asked.label} among ${names}`, 'name one of them, or none');
  }
  const inputs = new Set([...(asked.inputs ?? []), ...(teacher?.inputs ?? []).map(({ name }) => name)]);
  const usual = usualNames
    .map((name) => columns.find((column) => column.name.toLowerCase() === name))
    .find((column) => column !== undefined && !inputs.has(column.name));
  return usual === undefined || usual.holds === 'nothing' ? null : usual;
}

/**
 * @param width of the teacher's answers, as far as its shape says it
 * @param column null = there are no labels
 */
export function labelFor(
  { asked, data, teacher }: Seen,
  column: SeenColumn | null,
  width: number | null,
): LabelChoice | Undecided {
  if (column === null) {
    const why = asked.label === noLabel ? 'as --label says' : 'no column is named as a label';
    return { field: null, why: `${why}: the student learns from the teacher alone` };
  }
  const { name, holds } = column;
  const field = { name: 'label', columns: [name] };
  const from = asked.label === undefined ? `the column ${name} is named as a label` : 'as --label says';
  if (asked.task === 'embedding') return { field: null, why: 'labels do not train an embedding' };
  if (holds === 'picture' || holds === 'bytes' || holds === 'nothing' || holds === 'mixed') {
    const problem = `the column ${name} holds ${holds === 'nothing' ? 'no values' : holds === 'mixed' ? 'values of several kinds' : `${holds}s`}, and no labels`;
    return refuse('--label', problem, 'name another column, or none');
  }
  const isNumber = holds === 'fraction' || (holds === 'whole' && (width === 1 || asked.task === 'numbers'));
  if (isNumber) return { field: { ...field, type: 'target' }, why: `${from} and holds numbers` };
  if (holds === 'list') {
    return { field: { ...field, type: 'classes', firstClass: 0, separator: ',' }, why: `${from} and holds lists` };
  }
  const firstClass = holds === 'whole' && column.least === 1 && width !== null && column.most === width ? 1 : 0;
  const classes = namesFor(column, teacher, data?.rows ?? 0);
  const order = classes === undefined ? '' : '; the names and their order come from config.json beside the teacher';
  return {
    field: { ...field, type: 'class', firstClass, ...(classes === undefined ? {} : { classes: [...classes] }) },
    why: `${from}, with ${shown(column)}${order}`,
  };
}

/** Names of classes in the teacher's order, where the labels are such names. */
function namesFor(
  { holds, values }: SeenColumn,
  teacher: SeenTeacher | undefined,
  rows: number,
): readonly string[] | undefined {
  const names = teacher?.beside.classes;
  if (holds !== 'text' || names === undefined || rows === 0 || names.length > mostNames) return undefined;
  if (new Set(names).size < names.length || names.includes('')) return undefined;
  return values.every((value) => names.includes(value)) ? names : undefined;
}

function shown({ values, distinct }: SeenColumn): string {
  const some = values.slice(0, 3).map((value) => JSON.stringify(value.slice(0, 30)));
  return `${some.join(', ')}${distinct > some.length ? ' and others' : ''}`;
}

/** For a table with one number more than the teacher takes. */
export function whichLabel(columns: readonly SeenColumn[], width: number): Undecided {
  return ask({
    option: 'label',
    what: 'which column is the label',
    why: `the teacher takes ${String(width)} numbers, and the table has ${String(columns.length)} columns of numbers`,
    choices: columns.map(({ name, values }) => ({ value: name, words: values.slice(0, 3).join(', ') })),
  });
}
