/** What the named metrics of a job are called for people, and which of them share a figure. Pure. */

interface Known {
  readonly label: string;
  readonly y: 'share' | 'number';
  readonly group: string;
}

const known: Readonly<Record<string, Known>> = {
  accuracy: { label: 'accuracy', y: 'share', group: 'scores' },
  top5Accuracy: { label: 'top-5 accuracy', y: 'share', group: 'scores' },
  microF1: { label: 'micro F1', y: 'share', group: 'scores' },
  agreement: { label: 'agreement, training samples', y: 'share', group: 'agreement' },
  heldOutAgreement: { label: 'agreement, held-out samples', y: 'share', group: 'agreement' },
  topKOverlap: { label: 'top-5 overlap, training samples', y: 'share', group: 'agreement' },
  heldOutTopKOverlap: { label: 'top-5 overlap, held-out samples', y: 'share', group: 'agreement' },
  klDivergence: { label: 'KL divergence, training samples', y: 'number', group: 'divergence' },
  heldOutKlDivergence: { label: 'KL divergence, held-out samples', y: 'number', group: 'divergence' },
  cosineSimilarity: { label: 'cosine similarity, training samples', y: 'number', group: 'cosine' },
  heldOutCosineSimilarity: { label: 'cosine similarity, held-out samples', y: 'number', group: 'cosine' },
  meanSquaredError: { label: 'squared error, training samples', y: 'number', group: 'squared-error' },
  heldOutMeanSquaredError: { label: 'squared error, held-out samples', y: 'number', group: 'squared-error' },
  meanAbsoluteError: { label: 'mean absolute error', y: 'number', group: 'absolute-error' },
};

const groups: Readonly<Record<string, { readonly title: string; readonly about: string }>> = {
  scores: { title: 'Scores', about: 'Of the evaluation split, which the student never trains on.' },
  agreement: {
    title: 'Agreement with the teacher',
    about: 'Share of samples on which student and teacher decide alike.',
  },
  divergence: { title: 'Distance from the teacher', about: 'KL divergence of the student from the teacher, in nats.' },
  cosine: { title: 'Cosine similarity to the teacher', about: '1 = the same direction.' },
  'squared-error': { title: 'Squared error against the teacher', about: 'Mean over the columns of a sample.' },
  'absolute-error': { title: 'Mean absolute error', about: 'Of the evaluation split, against the targets.' },
};

/** @returns the name itself for a metric that this release does not know */
export function metricLabel(metric: string): string {
  return knownOf(metric)?.label ?? metric;
}

/** Known metrics in the order of their figures, then the others by name. */
export function inMetricOrder(metrics: readonly string[]): readonly string[] {
  const order = Object.keys(known);
  const place = (metric: string): number => (order.includes(metric) ? order.indexOf(metric) : order.length);
  return [...metrics].sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
}

export function metricIsShare(metric: string): boolean {
  return knownOf(metric)?.y === 'share';
}

interface MetricGroup {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly y: 'share' | 'number';
  readonly metrics: readonly string[];
}

/** @returns a figure for each group of known metrics, and one for each other metric */
export function metricGroups(names: ReadonlySet<string>): MetricGroup[] {
  const together = Object.entries(groups).flatMap(([id, words]): MetricGroup[] => {
    const metrics = Object.entries(known).filter(([name, { group }]) => group === id && names.has(name));
    const [first] = metrics;
    return first === undefined ? [] : [{ id, ...words, y: first[1].y, metrics: metrics.map(([name]) => name) }];
  });
  const alone = [...names]
    .filter((name) => knownOf(name) === undefined)
    .sort()
    .map((name): MetricGroup => ({
      id: `metric-${name}`,
      title: name,
      about: 'A metric that this release does not know.',
      y: 'number',
      metrics: [name],
    }));
  return [...together, ...alone];
}

function knownOf(metric: string): Known | undefined {
  return Object.hasOwn(known, metric) ? known[metric] : undefined;
}
