/** Parses the /metrics text of a process, so that two readings can be subtracted. */

export class Reading {
  readonly #series = new Map<
    string,
    { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly value: number }
  >();

  constructor(text: string) {
    for (const line of text.split('\n')) {
      const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (name === undefined || value === undefined) continue;
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
        ([, key = '', text = '']) => [key, text] as const,
      );
      this.#series.set(`${name}{${labels}}`, { name, labels: Object.fromEntries(pairs), value: Number(value) });
    }
  }

  /** Sum over all series of the name that carry these labels. */
  total(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.#of(name)
      .filter((series) => Object.entries(labels).every(([key, value]) => series.labels[key] === value))
      .reduce((sum, { value }) => sum + value, 0);
  }

  /** Sums by one label; series without it count as ''. */
  by(name: string, label: string): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const { labels, value } of this.#of(name)) {
      sums.set(labels[label] ?? '', (sums.get(labels[label] ?? '') ?? 0) + value);
    }
    return sums;
  }

  /** Upper bound of the bucket in which this share of a histogram's observations since `before` ends. */
  quantileSince(before: Reading, name: string, share: number): number {
    const count = (reading: Reading, bound: string): number => reading.total(`${name}_bucket`, { le: bound });
    const bounds = this.#of(`${name}_bucket`).map(({ labels }) => labels.le ?? '');
    const all = this.total(`${name}_count`) - before.total(`${name}_count`);
    const found = bounds.find((bound) => count(this, bound) - count(before, bound) >= share * all);
    return found === undefined ? Number.NaN : Number(found === '+Inf' ? 'Infinity' : found);
  }

  #of(name: string): { readonly labels: Readonly<Record<string, string>>; readonly value: number }[] {
    return [...this.#series.values()].filter((series) => series.name === name);
  }
}
