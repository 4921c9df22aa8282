/** `npm run example -- file-types`: magika teaches a small student the types of this machine's own files. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type Example, kib, percent, times, whole } from '../../scripts/examples/example.ts';
import { compareClassifiers } from '../../scripts/examples/onnx.ts';

import { collectFiles, rootsOf } from './files.ts';

const magika = {
  registry: 'pypi',
  kind: 'wheel',
  name: 'magika',
  version: '1.0.3',
  // Each platform's wheel holds the same model.
  platform: 'manylinux_2_28_x86_64',
  sha256: '3e9b49134e8116ee40b431664dcbed9e199413efddcce1a173c734b4e0521529',
} as const;

export const fileTypes: Example = {
  name: 'file-types',
  summary: 'what type a file has: magika as teacher, unlabeled files of this machine as data',
  duration: 'about ten minutes',
  packages: [magika],
  edition: '1',
  prepare: async ({ folder, packages, isSmall, environment, progress, stop }) => {
    copyFileSync(join(packages.magika ?? '', 'magika/models/standard_v3_3/model.onnx'), join(folder, 'teacher.onnx'));
    const roots = await rootsOf(environment, stop);
    const limits = isSmall
      ? { files: 400, ofOneKind: 20, entries: 20_000 }
      : { files: 9_000, ofOneKind: 300, entries: 400_000 };
    const data = join(folder, 'files');
    for (const split of ['train', 'test']) mkdirSync(join(data, split), { recursive: true });
    const found = await collectFiles({ roots, limits, stop }, ({ split, name, content }) => {
      writeFileSync(join(data, split, name), content);
    });
    progress(
      `file-types: ${whole(found.train)} files to train on and ${whole(found.test)} held out, of ${whole(found.kinds)} extensions`,
    );
  },
  small: () => [[['spec', 'training', 'epochs'], 2]],
  hasBaseline: false,
  measure: ({ data, dataset, model }) =>
    compareClassifiers({
      teacher: join(data, 'teacher.onnx'),
      student: join(model, 'model.onnx'),
      dataset,
      batch: 32,
    }),
  columns: [
    { figure: 'heldOutAgreement', title: 'agreement, held-out files', text: percent },
    { figure: 'agreement', title: 'agreement, last training files', text: percent },
    { figure: 'studentBytes', title: 'size', text: kib },
    { figure: 'timesSmaller', title: 'smaller', text: times },
    { figure: 'studentSamplesPerSecond', title: 'files/s', text: whole },
    { figure: 'timesFaster', title: 'faster', text: times },
    { figure: 'seconds', title: 'seconds', text: whole },
  ],
  constants: [
    { figure: 'heldOutSamples', title: 'held-out files', text: whole },
    { figure: 'parameters', title: 'parameters of the student', text: whole },
    { figure: 'teacherBytes', title: 'size of the teacher', text: kib },
    { figure: 'teacherSamplesPerSecond', title: 'files/s of the teacher', text: whole },
  ],
  tableNote: [
    'Agreement is the share of files to which student and teacher give the same of 214 types. The held-out files come from',
    'folders of which the student never saw a file. Sizes are those of the two ONNX files; speeds are those of ONNX Runtime',
    'on one thread, with the same batches of 32 files for both in turn.',
  ].join('\n'),
};
