/** What a student reached, in words: scores of the evaluation split first, then its agreement with the teacher. Pure. */
import type { NamedMetrics } from '@distillery/protocol';

import { accuracy as percent } from './format.js';

export interface Scores {
  /** Of the evaluation split; null = unknown. */
  readonly accuracy: number | null;
  readonly metrics: NamedMetrics;
}

interface Kind {
  readonly metric: string;
  readonly label: string;
  readonly text: (value: number) => string;
  readonly sentence: (value: string) => string;
}

const evaluated: readonly Kind[] = [
  {
    metric: 'microF1',
    label: 'micro F1',
    text: percent,
    sentence: (value) => `reaches a micro F1 of ${value} on the evaluation split`,
  },
  {
    metric: 'meanAbsoluteError',
    label: 'mean error',
    text: decimal,
    sentence: (value) => `has a mean absolute error of ${value} on the evaluation split`,
  },
];
const compared: readonly Kind[] = [
  {
    metric: 'heldOutAgreement',
    label: 'held-out agreement',
    text: percent,
    sentence: (value) => `agrees with the teacher on ${value} of the held-out samples`,
  },
  {
    metric: 'heldOutCosineSimilarity',
    label: 'held-out cosine',
    text: decimal,
    sentence: (value) => `has a cosine similarity of ${value} to the teacher on the held-out samples`,
  },
  {
    metric: 'heldOutMeanSquaredError',
    label: 'held-out squared error',
    text: decimal,
    sentence: (value) => `has a mean squared error of ${value} against the teacher on the held-out samples`,
  },
  {
    metric: 'agreement',
    label: 'agreement',
    text: percent,
    sentence: (value) => `agrees with the teacher on ${value} of the last training samples`,
  },
  {
    metric: 'cosineSimilarity',
    label: 'cosine',
    text: decimal,
    sentence: (value) => `has a cosine similarity of ${value} to the teacher on the last training samples`,
  },
  {
    metric: 'meanSquaredError',
    label: 'squared error',
    text: decimal,
    sentence: (value) => `has a mean squared error of ${value} against the teacher on the last training samples`,
  },
];

/** @returns such as `accuracy 97.31 %   agreement 98.10 %`, at most one score of each kind; a dash while none is known */
export function scoresText({ accuracy, metrics }: Scores, separator: string): string {
  const labeled = (kinds: readonly Kind[]): string[] => {
    const first = firstOf(kinds, metrics);
    return first === null ? [] : [`${first.kind.label} ${first.kind.text(first.value)}`];
  };
  const others = [...(accuracy === null ? labeled(evaluated) : []), ...labeled(compared)];
  const own = accuracy === null && others.length > 0 ? [] : [`accuracy ${percent(accuracy)}`];
  return [...own, ...others].join(separator);
}

/** @returns the best known score as the rest of a sentence that begins with the student; null = nothing is known */
export function studentSentence(metrics: NamedMetrics): string | null {
  const first = firstOf([...evaluated, ...compared], metrics);
  return first === null ? null : first.kind.sentence(first.kind.text(first.value));
}

/** @returns the agreement with the teacher, as above; null = unknown */
export function teacherSentence(metrics: NamedMetrics): string | null {
  const first = firstOf(compared, metrics);
  return first === null ? null : first.kind.sentence(first.kind.text(first.value));
}

/** @returns metrics by name, as a status lists them */
export function metricsByName(list: readonly { readonly name: string; readonly value: number }[] = []): NamedMetrics {
  return Object.fromEntries(list.map(({ name, value }) => [name, value]));
}

function firstOf(
  kinds: readonly Kind[],
  metrics: NamedMetrics,
): { readonly kind: Kind; readonly value: number } | null {
  for (const kind of kinds) {
    const value = metrics[kind.metric];
    if (value !== undefined) return { kind, value };
  }
  return null;
}

function decimal(value: number): string {
  return value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(2) : value.toFixed(3);
}
