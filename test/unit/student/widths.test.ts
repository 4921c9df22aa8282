/** Widths that do not fit: both numbers, the likely cause, and a remedy for the kind of student at hand. */
import { sentenceOf } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';

import type { TargetSpec } from '../../../workers/samples/index.js';
import { checkTargetWidth, widen, widthFault } from '../../../workers/student/widths.js';

const preset = 'preset://mlp?hidden=8';
const own = 'file:///student.json';
const numbers = (classes: number): TargetSpec => ({ kind: 'class', classes, names: null });
const names = (...list: string[]): TargetSpec => ({ kind: 'class', classes: list.length, names: list });

test('a preset is widened by its parameter, a file of one’s own in its last layer', () => {
  expect(widen(preset, 3)).toBe('add outputs=3 to student.model.uri');
  expect(widen(own, 3)).toBe("give the last layer of the student's model 3 units");
});

describe('a teacher of another width', () => {
  test.each<[string, number, number, string, TargetSpec | null, string]>([
    [
      'than a preset',
      1_000,
      10,
      preset,
      null,
      'found 1000 logits a sample of the teacher, expected 10 as the student has. ' +
        'Add outputs=1000 to student.model.uri, or choose the columns to learn in teacher.output.columns, or take another teacher.',
    ],
    [
      'than a model of one’s own',
      3,
      10,
      own,
      null,
      'found 3 logits a sample of the teacher, expected 10 as the student has. ' +
        "Give the last layer of the student's model 3 units, or take another teacher.",
    ],
    [
      'where labels count from 1',
      10,
      11,
      preset,
      numbers(11),
      'found 10 logits a sample of the teacher, expected 11 as the student has, one for each class of the labels. ' +
        "Set firstClass: 1 on the labels' field where they count from 1; else add outputs=10 to student.model.uri, or take another teacher.",
    ],
    [
      'where labels are numbers to predict',
      1,
      251,
      preset,
      numbers(251),
      'found 1 logits a sample of the teacher, expected 251 as the student has, one for each class of the labels. ' +
        'Set the type of the labels to target where they are numbers to predict; else add outputs=1 to student.model.uri, or take another teacher.',
    ],
    [
      'where labels name some of its classes',
      4,
      2,
      preset,
      names('cat', 'dog'),
      'found 4 logits a sample of the teacher, expected 2 as the student has, one for each class of the labels. ' +
        "List the teacher's 4 classes in classes of the labels' field where the labels are among them; else add outputs=4 to student.model.uri, " +
        'or choose the columns to learn in teacher.output.columns, or take another teacher.',
    ],
  ])('%s is refused', (_what, teacher, student, uri, target, want) => {
    expect(sentenceOf(widthFault(teacher, student, { uri, target }))).toBe(
      `teacher and student differ in width: ${want}`,
    );
  });
});

describe('labels of another width', () => {
  test('are refused where each has an output', () => {
    expect(() => checkTargetWidth(3, { uri: preset, target: { kind: 'values', width: 2 } })).toThrow(
      'labels and student differ in width: found 2 numbers a sample in the labels, expected 3 as the student has outputs. ' +
        'Add outputs=2 to student.model.uri, or correct the field of type target in dataset.fields',
    );
    expect(() => checkTargetWidth(3, { uri: own, target: { kind: 'classes', classes: 4, names: null } })).toThrow(
      'found 4 classes a sample in the labels, expected 3 as the student has outputs',
    );
  });

  test('are taken where they fit, or where one class may have more outputs', () => {
    for (const target of [null, numbers(2), { kind: 'values', width: 3 } as const]) {
      expect(() => checkTargetWidth(3, { uri: preset, target })).not.toThrow();
    }
  });
});
