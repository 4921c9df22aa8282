/**
 * Widths that do not fit: of the teacher's answers, the student's outputs and the labels. A message names both numbers, the
 * likely cause, and a remedy for the kind of student at hand, so that following one message does not lead to the next. Pure.
 */
import type { Fault } from '@distillery/base';
import { readStudentModelUri } from '@distillery/protocol';

import { WorkerError } from '../base/index.js';
import type { TargetSpec } from '../samples/index.js';

/** What decides the width of a student. */
export interface StudentWidth {
  /** `student.model.uri`. */
  readonly uri: string;
  /** Of the training split; null = it has none. */
  readonly target: TargetSpec | null;
}

/** How to give the student another number of outputs, as an imperative. */
export function widen(uri: string, outputs: number): string {
  const read = readStudentModelUri(uri);
  return read.ok && read.value.scheme === 'preset'
    ? `add outputs=${String(outputs)} to student.model.uri`
    : `give the last layer of the student's model ${String(outputs)} units`;
}

/** Teacher and student answer rows of different widths. @param teacher @param student logits of a row */
export function widthFault(teacher: number, student: number, { uri, target }: StudentWidth): Fault {
  const narrow = teacher > student ? ', or choose the columns to learn in teacher.output.columns' : '';
  return {
    about: 'teacher and student differ in width',
    found: `${String(teacher)} logits a sample of the teacher`,
    expected: `${String(student)} as the student has${fromLabels(student, target)}`,
    remedy: `${likelyCause(teacher, target)}${widen(uri, teacher)}${narrow}, or take another teacher`,
  };
}

function fromLabels(student: number, target: TargetSpec | null): string {
  if (target === null || widthOf(target) !== student) return '';
  return target.kind === 'values' ? ', one for each number of the target' : ', one for each class of the labels';
}

/** What a job often says wrongly of its labels, where the widths look like it. */
function likelyCause(teacher: number, target: TargetSpec | null): string {
  if (target === null || target.kind === 'values') return '';
  const { classes, names } = target;
  if (teacher === 1) return 'set the type of the labels to target where they are numbers to predict; else ';
  if (names !== null && classes !== teacher) {
    return `list the teacher's ${String(teacher)} classes in classes of the labels' field where the labels are among them; else `;
  }
  return classes === teacher + 1 ? "set firstClass: 1 on the labels' field where they count from 1; else " : '';
}

/** @throws WorkerError terminal when several classes or numbers have another width than the student: each has an output */
export function checkTargetWidth(columns: number, { uri, target }: StudentWidth): void {
  if (target === null || target.kind === 'class' || widthOf(target) === columns) return;
  const width = widthOf(target);
  throw new WorkerError('terminal', {
    about: 'labels and student differ in width',
    found: `${String(width)} ${target.kind === 'values' ? 'numbers' : 'classes'} a sample in the labels`,
    expected: `${String(columns)} as the student has outputs`,
    remedy: `${widen(uri, width)}, or correct the field of type ${target.kind === 'values' ? 'target' : 'classes'} in dataset.fields`,
  });
}

function widthOf(target: TargetSpec): number {
  return target.kind === 'values' ? target.width : target.classes;
}
