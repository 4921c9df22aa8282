/** Which column is what is right for a sample, and how it is read. Pure. */
import type { DatasetField } from '@distillery/protocol';

import type { Undecided } from './outcome.js';
import { ask, refuse } from './outcome.js';
import type { Seen, SeenColumn, SeenTeacher } from './seen.js';

/** Name of the field. */
export const labelName = 'label';
/** `--label none`. */
const noLabel = 'none';
/** Names under which people keep labels; the first ones are natural to the formats, too (workers/data). */
const usualNames = ['label', 'labels', 'class', 'y', 'cls', 'target'];
/** Rows of each name, at least, before names are taken for labels. */
const rowsOfName = 4;
/** A job lists at most so many names of classes. */
const mostNames = 10_000;

export interface LabelChoice {
  /** null = the samples are not labeled. */
  readonly field: DatasetField | null;
  readonly why: string;
}

/** The column of the labels; null = there is none. */
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
  if (usual !== undefined) return usual.holds === 'nothing' ? null : usual;
  return namesAsManyAs(columns, teacher, data?.sampled ?? 0);
}

/** The only column of names that are as many as the answers of a classifier: few names, each in many rows. */
function namesAsManyAs(
  columns: readonly SeenColumn[],
  teacher: SeenTeacher | undefined,
  sampled: number,
): SeenColumn | null {
  const [only, other] = teacher?.outputs.filter(({ isFloat }) => isFloat) ?? [];
  const width = only === undefined || other !== undefined ? null : only.shape.at(-1);
  const isClassifier = only?.operator === 'Softmax';
  const [found = null, another] = columns.filter(
    ({ holds, distinct, empty }) =>
      holds === 'text' && distinct === width && distinct * rowsOfName <= sampled && empty === 0,
  );
  return isClassifier && another === undefined ? found : null;
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
  const field = { name: labelName, columns: [name] };
  const from =
    asked.label !== undefined
      ? 'as --label says'
      : usualNames.includes(name.toLowerCase())
        ? `the column ${name} is named as a label`
        : `the column ${name} has as many names as the teacher has answers`;
  if (asked.task === 'embedding') return { field: null, why: 'labels do not train an embedding' };
  if (holds === 'picture' || holds === 'bytes' || holds === 'nothing' || holds === 'mixed') {
    const problem = `the column ${name} holds ${holds === 'nothing' ? 'no values' : holds === 'mixed' ? 'values of several kinds' : `${holds}s`}, and no labels`;
    return refuse('--label', problem, 'name another column, or none');
  }
  if (answersOneProbability(teacher)) {
    return { field: null, why: 'the teacher answers one probability, which has no column for each label' };
  }
  const isNumber = holds === 'fraction' || (holds === 'whole' && (width === 1 || asked.task === 'numbers'));
  if (isNumber) return { field: { ...field, type: 'target' }, why: `${from}; it holds numbers` };
  if (holds === 'list') {
    return { field: { ...field, type: 'classes', firstClass: 0, separator: ',' }, why: `${from}; it holds lists` };
  }
  const firstClass = holds === 'whole' && column.least === 1 && width !== null && column.most === width ? 1 : 0;
  const classes = namesFor(column, teacher, data?.rows ?? 0);
  const order = classes === undefined ? '' : '; the names and their order come from config.json beside the teacher';
  return {
    field: { ...field, type: 'class', firstClass, ...(classes === undefined ? {} : { classes: [...classes] }) },
    why: `${from}; it holds ${shown(column)}${order}`,
  };
}

/** Of two classes by one number: a sigmoid over one column. */
function answersOneProbability(teacher: SeenTeacher | undefined): boolean {
  const [only, another] = teacher?.outputs.filter(({ isFloat }) => isFloat) ?? [];
  return another === undefined && only?.operator === 'Sigmoid' && only.shape.at(-1) === 1;
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
