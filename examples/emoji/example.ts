/** `npm run example -- emoji`: a model that knows photographs teaches a tiny one what an emoji shows. */
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Manifest } from '@distillery/protocol';

import type { NumericTensor } from '../../dist/workers/samples/index.js';
import { type Example, kib, percent, times, whole } from '../../scripts/examples/example.ts';
import { compareClassifiers } from '../../scripts/examples/onnx.ts';

import { type Emoji, picturesOf } from './pictures.ts';

const emojiData = {
  registry: 'npm',
  name: 'emoji-datasource-google',
  version: '16.0.0',
  sha256: 'fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438',
} as const;

/** As the job feeds the teacher: pixels [N, height, width, 3] as normalized planes [N, 3, height, width]. */
function planes({ teacher }: Manifest): (input: NumericTensor) => NumericTensor {
  const { mean = [], std = [] } = teacher.input;
  return ({ data, shape: [count = 0, height = 0, width = 0, channels = 0] }) => {
    const values = new Float32Array(data.length);
    const pixels = height * width;
    for (const [at, value] of data.entries()) {
      const [pixel, channel] = [Math.floor(at / channels), at % channels];
      const picture = Math.floor(pixel / pixels);
      values[(picture * channels + channel) * pixels + (pixel % pixels)] =
        (value - (mean[channel] ?? 0)) / (std[channel] ?? 1);
    }
    return { dtype: 'float32', shape: [count, channels, height, width], data: values };
  };
}

export const emoji: Example = {
  name: 'emoji',
  summary: 'what an emoji shows: a model of photographs as teacher, folders of color pictures as data',
  duration: 'about five minutes',
  packages: [emojiData],
  edition: '1',
  prepare: ({ folder, packages, isSmall, progress }) => {
    const source = packages[emojiData.name] ?? '';
    const emojis = JSON.parse(readFileSync(join(source, 'emoji.json'), 'utf8')) as Emoji[];
    const pictures = picturesOf(emojis, isSmall ? 300 : Infinity);
    for (const { image, split, label } of pictures) {
      const target = join(folder, 'pictures', split, label);
      mkdirSync(target, { recursive: true });
      copyFileSync(join(source, 'img/google/64', image), join(target, image));
    }
    const held = pictures.filter(({ split }) => split === 'test').length;
    progress(`emoji: ${whole(pictures.length - held)} pictures to train on and ${whole(held)} held out`);
    return Promise.resolve();
  },
  small: () => [[['spec', 'training', 'epochs'], 2]],
  hasBaseline: true,
  measure: ({ manifest, dataset, model }) =>
    compareClassifiers({
      teacher: { path: join(import.meta.dirname, 'teacher/teacher.onnx'), inputOf: planes(manifest) },
      student: join(model, 'model.onnx'),
      dataset,
      batch: 32,
    }),
  columns: [
    { figure: 'studentAccuracy', title: 'distilled', text: percent },
    { figure: 'baselineAccuracy', title: 'labels alone', text: percent },
    { figure: 'heldOutAgreement', title: 'agreement, held-out pictures', text: percent },
    { figure: 'studentSamplesPerSecond', title: 'pictures/s', text: whole },
    { figure: 'timesFaster', title: 'faster', text: times },
    { figure: 'seconds', title: 'seconds', text: whole },
  ],
  constants: [
    { figure: 'heldOutSamples', title: 'held-out pictures', text: whole },
    { figure: 'teacherAccuracy', title: 'the teacher', text: percent },
    { figure: 'parameters', title: 'parameters of the student', text: whole },
    { figure: 'studentBytes', title: 'size of the student', text: kib },
    { figure: 'teacherBytes', title: 'size of the teacher', text: kib },
    { figure: 'timesSmaller', title: 'smaller', text: times },
    { figure: 'teacherSamplesPerSecond', title: 'pictures/s of the teacher', text: whole },
  ],
  tableNote: [
    'Accuracy on the held-out pictures, of nine categories; labels alone is the same student without a teacher, for the same',
    'steps and with the same augmentation. Sizes are those of the two ONNX files; speeds are those of ONNX Runtime on one',
    'thread, with the same batches of 32 pictures for both in turn.',
  ].join('\n'),
};
