/**
 * How well a student's answers agree with its teacher's, as named metrics, each a mean over the rows. Pure.
 *
 * Measured on the training stream, of the logits before the update: what the student answers to a batch that this step
 * has not trained yet. It costs no further pass and needs no labels.
 */
import { logSumExp } from './log-sum-exp.js';
import { binaryKl, cosineOf, type SoftLossKind } from './soft-loss.js';

/** Logits of one class, logits of several classes, or embeddings. */
export type TeacherAnswers = 'Logits' | 'Sigmoid' | 'Embedding';

export type NamedMetrics = Readonly<Record<string, number>>;

/** Columns that top-k compares at most. A model with no more columns has no top-k overlap: it would always be 1. */
const topColumns = 5;

export interface Answers {
  readonly columns: number;
  /** [rows, columns] */
  readonly student: Float32Array;
  /** [rows, columns] */
  readonly teacher: Float32Array;
}

/** What a teacher's numbers are where the job does not say so. */
export function answersFor(kind: SoftLossKind): TeacherAnswers {
  if (kind === 'Cosine') return 'Embedding';
  return kind === 'BinaryCrossEntropy' ? 'Sigmoid' : 'Logits';
}

/** What the teacher's numbers are: as the settings say, or as their loss compares them. */
export function answersIn({
  answers,
  kind = 'KL',
}: {
  readonly answers?: TeacherAnswers | undefined;
  readonly kind?: SoftLossKind | undefined;
}): TeacherAnswers {
  return answers ?? answersFor(kind);
}

/**
 * `agreement`: share of the rows whose largest logit is the teacher's; of several classes, share of the decisions (is the
 * logit above 0?) that are the teacher's. `topKOverlap`: share of the teacher's 5 largest columns that are among the
 * student's. `klDivergence`: in nats at temperature 1; of several classes, the mean over the columns.
 * `cosineSimilarity` and `meanSquaredError`: of embeddings, and of a teacher with one column.
 */
export function agreementOf(kind: TeacherAnswers, answers: Answers): NamedMetrics {
  if (kind === 'Sigmoid') {
    return { agreement: meanOf(answers, sameDecisions), ...overlap(answers), klDivergence: meanOf(answers, severalKl) };
  }
  if (kind === 'Logits' && answers.columns > 1) {
    return { agreement: meanOf(answers, sameLargest), ...overlap(answers), klDivergence: meanOf(answers, rowKl) };
  }
  const meanSquaredError = meanOf(answers, squaredError);
  return answers.columns === 1
    ? { meanSquaredError }
    : { cosineSimilarity: meanOf(answers, rowCosine), meanSquaredError };
}

type RowMeasure = (answers: Answers, start: number) => number;

function meanOf(answers: Answers, measure: RowMeasure): number {
  const rows = answers.student.length / answers.columns;
  let sum = 0;
  for (let row = 0; row < rows; row++) sum += measure(answers, row * answers.columns);
  return sum / rows;
}

const sameLargest: RowMeasure = ({ columns, student, teacher }, start) =>
  largest(student, start, columns) === largest(teacher, start, columns) ? 1 : 0;

const sameDecisions: RowMeasure = ({ columns, student, teacher }, start) => {
  let same = 0;
  for (let at = start; at < start + columns; at++) {
    if ((student[at] ?? 0) > 0 === (teacher[at] ?? 0) > 0) same++;
  }
  return same / columns;
};

const rowKl: RowMeasure = ({ columns, student, teacher }, start) => {
  const own = logSumExp(student, start, columns, 1);
  const target = logSumExp(teacher, start, columns, 1);
  let total = 0;
  for (let at = start; at < start + columns; at++) {
    const wanted = (teacher[at] ?? 0) - target;
    const probability = Math.exp(wanted);
    if (probability > 0) total += probability * (wanted - ((student[at] ?? 0) - own));
  }
  return total;
};

const severalKl: RowMeasure = ({ columns, student, teacher }, start) => {
  let total = 0;
  for (let at = start; at < start + columns; at++) total += binaryKl(teacher[at] ?? 0, student[at] ?? 0);
  return total / columns;
};

const rowCosine: RowMeasure = ({ columns, student, teacher }, start) => cosineOf(student, teacher, start, columns);

const squaredError: RowMeasure = ({ columns, student, teacher }, start) => {
  let total = 0;
  for (let at = start; at < start + columns; at++) total += ((student[at] ?? 0) - (teacher[at] ?? 0)) ** 2;
  return total / columns;
};

function overlap(answers: Answers): NamedMetrics {
  return answers.columns <= topColumns ? {} : { topKOverlap: meanOf(answers, sharedTop) };
}

const sharedTop: RowMeasure = ({ columns, student, teacher }, start) => {
  const own = largestColumns(student, start, columns);
  return largestColumns(teacher, start, columns).filter((column) => own.includes(column)).length / topColumns;
};

/** Column of the largest value; of equal ones the first. */
export function largest(values: Float32Array, start: number, columns: number): number {
  let best = 0;
  for (let at = 1; at < columns; at++) {
    if ((values[start + at] ?? 0) > (values[start + best] ?? 0)) best = at;
  }
  return best;
}

/** The `topColumns` columns with the largest values, the largest first; of equal ones the first. */
function largestColumns(values: Float32Array, start: number, columns: number): number[] {
  const best: number[] = [];
  for (let at = 0; at < columns; at++) {
    const value = values[start + at] ?? 0;
    let rank = best.length;
    while (rank > 0 && value > (values[start + (best[rank - 1] ?? 0)] ?? 0)) rank--;
    if (rank >= topColumns) continue;
    best.splice(rank, 0, at);
    if (best.length > topColumns) best.pop();
  }
  return best;
}
