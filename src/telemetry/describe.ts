/** How a metric is described: pure data, from which a registry and the reference page are made. */

export interface MetricDescription {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

export interface Described<L extends string> extends MetricDescription {
  readonly labels: readonly L[];
}

export function counter<L extends string>(name: string, help: string, labels: readonly L[]) {
  return { type: 'counter', name, help, labels } as const;
}

export function gauge<L extends string>(name: string, help: string, labels: readonly L[]) {
  return { type: 'gauge', name, help, labels } as const;
}

export function histogram<L extends string>(name: string, help: string, labels: readonly L[]) {
  return { type: 'histogram', name, help, labels } as const;
}
