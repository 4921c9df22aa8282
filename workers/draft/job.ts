/** The text of a job from what was chosen. Pure. */
import { count } from '@distillery/base';
import type { DatasetField } from '@distillery/protocol';

import type { FieldChoice } from './fields.js';
import { fileUri, nameOf } from './paths.js';
import type { PixelChoice } from './pixels.js';
import type { Opened, Reading, Seen } from './seen.js';
import type { DataChoice, TeacherChoice } from './sources.js';
import type { StudentChoice, TrainingChoice } from './student.js';
import type { OutputChoice, TaskChoice } from './task.js';
import { type Entry, yamlText } from './text.js';

export interface Chosen {
  readonly teacher: TeacherChoice;
  readonly source: DataChoice;
  readonly fields: FieldChoice;
  readonly opened: Opened;
  readonly reading: Reading;
  /** null = the teacher takes no pictures. */
  readonly pixels: PixelChoice | null;
  readonly output: OutputChoice;
  readonly task: TaskChoice;
  /** Of the teacher's answers. */
  readonly width: number;
  readonly student: StudentChoice;
  readonly training: TrainingChoice;
  /** What a person should check before the run; null = nothing. */
  readonly warning: string | null;
}

export function jobText(seen: Seen, chosen: Chosen): string {
  const head = [
    'Written by distill init: each comment says why a value was chosen, and what to change.',
    'docs/guide.md, docs/data.md and docs/models.md describe all fields. Check it with distill validate, start it with distill run.',
  ];
  return yamlText(head, [
    { key: 'apiVersion', value: { flow: 'distillery.dev/v1alpha1' } },
    { key: 'kind', value: { flow: 'DistillJob' } },
    { key: 'metadata', value: { flow: { name: jobName(seen) } } },
    {
      key: 'spec',
      value: [
        { key: 'dataset', why: dataWords(chosen), value: datasetEntries(seen, chosen) },
        { key: 'training', why: sentences([chosen.training.why]), value: { flow: trainingOf(chosen) } },
        { key: 'teacher', value: teacherEntries(seen, chosen) },
        { key: 'student', value: studentEntries(seen, chosen) },
      ],
    },
  ]);
}

const longestName = 63;

/** Lower-case letters, digits and dashes, with a letter or digit at both ends. */
function jobName({ folder }: Pick<Seen, 'folder'>): string {
  const name = nameOf(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, longestName)
    .replaceAll(/^-+|-+$/g, '');
  return name === '' ? 'distill' : name;
}

function dataWords(chosen: Chosen): string {
  const { source, opened } = chosen;
  const held = opened.heldOut === null ? '' : `, ${String(opened.heldOut)} of them held out`;
  return [
    `${count(opened.rows + (opened.heldOut ?? 0), 'row')}${held}: ${source.why}.`,
    ...(chosen.warning === null ? [] : [`${chosen.warning}.`]),
  ].join(' ');
}

function datasetEntries({ jobFolder }: Seen, { source, fields }: Chosen): Entry[] {
  const { dataset } = fields;
  const { fields: all } = dataset;
  const natural = sentences([fields.whyInputs, fields.whyLabel]);
  return [
    { key: 'format', value: { flow: source.format } },
    { key: 'uri', value: { flow: fileUri(jobFolder, source.path) }, ...(all === undefined ? { why: natural } : {}) },
    ...(all === undefined
      ? []
      : [
          {
            key: 'fields',
            why: 'What a sample consists of.',
            value: { list: all.map((field) => ({ why: whyField(field, fields), value: { flow: jobField(field) } })) },
          },
        ]),
    ...(dataset.split === undefined
      ? []
      : [{ key: 'split', why: sentences([fields.whySplit]), value: { flow: dataset.split } }]),
    ...(dataset.onBadSample === undefined
      ? []
      : [
          {
            key: 'onBadSample',
            why: sentences([`${fields.whyBadSample}; Fail ends the job instead`]),
            value: { flow: dataset.onBadSample },
          },
        ]),
  ];
}

function whyField({ type }: DatasetField, { whyInputs, whyLabel }: FieldChoice): string {
  return type === 'class' || type === 'classes' || type === 'target' ? sentences([whyLabel]) : sentences([whyInputs]);
}

/** A field as a job has it: what is the default is left out. */
function jobField(field: DatasetField): object {
  const { name, columns, type } = field;
  const from = columns.length === 1 && columns[0] === name ? {} : { columns };
  const common = { name, type, ...from };
  switch (type) {
    case 'image': {
      const { size, channels } = field;
      return { ...common, ...size, ...(channels === undefined ? {} : { channels }) };
    }
    case 'tensor':
      return {
        ...common,
        ...(field.shape === undefined ? {} : { shape: field.shape }),
        ...(field.dtype === 'Int32' ? { dtype: 'Int32' } : {}),
      };
    case 'bytes': {
      const { head, tail, padding } = field;
      return { ...common, head, tail, padding };
    }
    case 'class':
    case 'classes': {
      const { classes, firstClass } = field;
      return { ...common, ...(classes === undefined ? {} : { classes }), ...(firstClass === 1 ? { firstClass } : {}) };
    }
    case 'text':
    case 'target':
      return common;
  }
}

function trainingOf({ training: { batchSize, epochs } }: Chosen): object {
  return { batchSize, epochs, seed: 1 };
}

function teacherEntries(
  { jobFolder }: Seen,
  { teacher, reading, pixels, output, task, width, fields }: Chosen,
): Entry[] {
  const { input, inputs, tokenizer } = reading;
  const answer = `It answers ${count(width, 'number')} a sample (${output.why}), taken as ${words[task.task]}: ${task.why}.`;
  const ofPixels =
    pixels === null ? [] : [pixels.why, 'the option --pixels of distill init knows the other usual ways'];
  const whyInput = sentences([...ofPixels, ...resizeWords(reading)]);
  const hasInput = Object.keys(input).length > 0;
  const settings = outputSettings(output, task);
  return [
    {
      key: 'model',
      why: [sentences([teacher.why]), answer, ...(hasInput || whyInput === '' ? [] : [whyInput])].join(' '),
      value: { flow: { format: teacher.format, uri: fileUri(jobFolder, teacher.path) } },
    },
    ...(hasInput ? [{ key: 'input', why: whyInput, value: { flow: input } }] : []),
    ...(inputs === undefined
      ? []
      : [
          {
            key: 'inputs',
            why: sentences([fields.whyInputs]),
            value: { list: inputs.map((each) => ({ value: { flow: each } })) },
          },
        ]),
    ...(tokenizer === undefined ? [] : [tokenizerEntry(jobFolder, tokenizer)]),
    ...(Object.keys(settings).length === 0 ? [] : [{ key: 'output', value: { flow: settings } }]),
  ];
}

/** What must be said so that answers are taken as the task takes them. */
function outputSettings({ output }: OutputChoice, { task, recognized }: TaskChoice): object {
  if (task === 'embedding') return { ...output, kind: 'Embedding' };
  if (recognized === 'Sigmoid' && task === 'classes') return { ...output, kind: 'Sigmoid' };
  // Numbers that happen to look like probabilities are no probabilities.
  return task === 'numbers' && recognized !== 'Logits' ? { ...output, kind: 'Logits' } : output;
}

const words = { classes: 'classes', embedding: 'an embedding', numbers: 'numbers' } as const;

function resizeWords({ input: { resize } }: Reading): readonly string[] {
  if (resize === undefined) return [];
  return [`the teacher takes ${String(resize.height)} × ${String(resize.width)}: its copy of each picture is resized`];
}

/** Clauses as sentences. */
function sentences(clauses: readonly string[]): string {
  return clauses.map((clause) => `${clause.charAt(0).toUpperCase()}${clause.slice(1)}.`).join(' ');
}

function tokenizerEntry(jobFolder: string, { path, maxTokens }: NonNullable<Reading['tokenizer']>): Entry {
  return {
    key: 'tokenizer',
    why: `Texts of more than ${String(maxTokens)} tokens are cut: nineteen of twenty texts are not longer, or the model takes no more.`,
    value: { flow: { uri: fileUri(jobFolder, path), maxTokens } },
  };
}

function studentEntries({ jobFolder }: Seen, { student, reading, task, opened }: Chosen): Entry[] {
  const { tokenizer } = reading;
  const weights = student.weights === null ? '' : ` It has ${student.weights.toLocaleString('en-US')} weights.`;
  return [
    {
      key: 'model',
      why: `${sentences([student.why])}${weights} The command distill models lists the presets and their parameters.`,
      value: { flow: { uri: student.uri } },
    },
    ...(tokenizer === undefined
      ? []
      : [
          {
            key: 'tokenizer',
            value: { flow: { uri: fileUri(jobFolder, tokenizer.path), maxTokens: tokenizer.maxTokens } },
          },
        ]),
    lossEntry(task, opened.target !== null),
    {
      key: 'optimizer',
      value: { flow: { name: 'adam', learningRate: 0.002, schedule: { name: 'Cosine', warmupSteps: 20 } } },
    },
  ];
}

function lossEntry({ task, several }: TaskChoice, isLabeled: boolean): Entry {
  const softWeight = isLabeled ? 0.9 : 1;
  const share = isLabeled
    ? 'nine tenths follow the teacher, one tenth the labels'
    : 'without labels the teacher is all there is';
  switch (task) {
    case 'classes': {
      const kind = several ? { kind: 'BinaryCrossEntropy' } : {};
      const why = `${sentences([share])} A very sure teacher needs a higher temperature.`;
      return { key: 'loss', why, value: { flow: { ...kind, temperature: 4, softWeight } } };
    }
    case 'embedding':
      return {
        key: 'loss',
        why: 'The direction of the vector counts; MSE where its length counts, too.',
        value: { flow: { kind: 'Cosine', softWeight: 1 } },
      };
    case 'numbers':
      return {
        key: 'loss',
        why: sentences([`numbers are learned by the squared error: ${share}`]),
        value: { flow: { kind: 'MSE', softWeight } },
      };
  }
}
