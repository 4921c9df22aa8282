/**
 * `npm run example -- mnist-unseen`: Hinton's experiment. No picture of a 3 is in the training set, and the student reads
 * the 3s of the test set all the same: what the teacher thinks of other digits says what a 3 looks like.
 */
import { join } from 'node:path';

import { smallMnist } from '../../dist/test/kit/mnist.js';
import { type DatasetSettings, openDataset } from '../../dist/workers/data/index.js';
import { type Example, percent, whole } from '../../scripts/examples/example.ts';
import { heldOutAnswers } from '../../scripts/examples/onnx.ts';

import { biasFor, type Read, sharesRight } from './unseen-bias.ts';

const unseen = 3;
/** The bias may turn so many of the training pictures into 3s. */
const lost = 0.005;

async function labelsOf(dataset: DatasetSettings, split: 'train' | 'test'): Promise<Int32Array> {
  const data = await openDataset(dataset);
  try {
    const { [split]: rows } = data;
    const targets = await rows?.targets(Array.from({ length: rows.length }, (_, at) => at));
    if (targets?.kind !== 'class') throw new Error(`${dataset.uri} holds no digits`);
    return targets.labels;
  } finally {
    await data.close();
  }
}

/** What the model of a file reads in both splits. */
async function readBy(path: string, dataset: DatasetSettings): Promise<Readonly<Record<'train' | 'test', Read>>> {
  const run = { models: [{ path }], dataset, batch: 128 };
  const [train, test] = [await heldOutAnswers({ ...run, split: 'train' }), await heldOutAnswers(run)];
  const none = new Float32Array();
  return {
    train: { answers: train.models[0]?.answers ?? none, labels: await labelsOf(dataset, 'train') },
    test: { answers: test.models[0]?.answers ?? none, labels: await labelsOf(dataset, 'test') },
  };
}

export const mnistUnseen: Example = {
  name: 'mnist-unseen',
  files: { folder: 'mnist', job: 'unseen.yaml', results: 'RESULTS-unseen.md' },
  summary: 'handwritten digits: the student never sees a 3, and reads the 3s of the test set',
  duration: 'about two minutes',
  packages: [],
  edition: '1',
  prepare: ({ folder, isSmall }) => {
    const part = isSmall ? { train: 2_048, test: 256 } : { train: Infinity, test: Infinity };
    smallMnist(join(folder, 'data'), { ...part, without: unseen });
    return Promise.resolve();
  },
  small: () => [[['spec', 'training', 'epochs'], 1]],
  // On labels alone, no student ever answers with a 3.
  hasBaseline: false,
  measure: async ({ dataset, model }) => {
    const { train, test } = await readBy(join(model, 'model.onnx'), dataset);
    const bias = biasFor(train, unseen, lost);
    const [trained, biased] = [sharesRight(test, unseen, 0), sharesRight(test, unseen, bias)];
    return {
      bias,
      unseenAsTrained: trained.ofDigit,
      unseenAccuracy: biased.ofDigit,
      accuracyAsTrained: trained.ofAll,
      biasedAccuracy: biased.ofAll,
    };
  },
  columns: [
    { figure: 'unseenAsTrained', title: '3s, as trained', text: percent },
    { figure: 'accuracyAsTrained', title: 'all digits', text: percent },
    { figure: 'bias', title: 'bias of the 3', text: (value) => value.toFixed(2) },
    { figure: 'unseenAccuracy', title: '3s, with it', text: percent },
    { figure: 'biasedAccuracy', title: 'all digits', text: percent },
    { figure: 'seconds', title: 'seconds', text: whole },
  ],
  constants: [
    { figure: 'teacherAccuracy', title: 'the teacher', text: percent },
    { figure: 'parameters', title: 'parameters of the student', text: whole },
  ],
  tableNote: [
    'Accuracy on the 10,000 test images, of which 1,010 are 3s. None of the 53,869 training images is a 3. The bias is added to',
    'the logit of the 3; it is the largest that turns at most 0.5 % of the training images into 3s.',
  ].join('\n'),
};
