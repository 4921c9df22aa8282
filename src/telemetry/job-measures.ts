/**
 * The metrics of each job: set after every decision, removed with the job.
 *
 * Invariants:
 *  job-measures/M1 A series that the last decision has no sample for is removed: no figure outlives what it is about.
 *  job-measures/M2 A counter never falls in one process. It begins at what the job's status or its streams have counted, so
 *     that a new leader goes on where the last one was.
 */
import type { DistillJobStatus } from '../api/index.js';

import { jobCatalog } from './catalog.js';
import { type JobFigures, type JobName, type Sample, samplesOf } from './job-samples.js';
import type { Metrics } from './metrics.js';

type Labels = Sample['labels'];
interface Settable {
  set(labels: Labels, value: number): void;
  remove(labels: Labels): void;
}
interface Countable {
  inc(labels: Labels, value: number): void;
  remove(labels: Labels): void;
}

type Phase = NonNullable<DistillJobStatus['phase']>;

const phases: readonly Phase[] = ['Pending', 'Queued', 'Running', 'Suspended', 'Succeeded', 'Failed'];

export class JobMeasures {
  readonly #metrics: Metrics;
  readonly #phases = new Map<string, Phase>();
  /** The series of each job, by metric and labels. */
  readonly #series = new Map<string, Map<string, Sample>>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    // A phase without jobs is reported as 0, not left out.
    for (const phase of phases) metrics.jobs.set({ phase }, 0);
  }

  set(job: JobName, figures: JobFigures): void {
    const id = `${job.namespace}/${job.name}`;
    const before = this.#series.get(id) ?? new Map<string, Sample>();
    const next = new Map<string, Sample>();
    for (const sample of samplesOf(job, figures)) {
      const key = `${sample.metric} ${JSON.stringify(sample.labels)}`;
      next.set(key, this.#record(sample, before.get(key)?.value ?? null));
    }
    for (const [key, sample] of before) {
      if (next.has(key)) continue;
      // job-measures/M2: a counter whose source is away for a moment stays.
      if (isCounter(sample)) next.set(key, sample);
      else this.#drop(sample);
    }
    this.#series.set(id, next);
    this.#move(id, figures.status.phase ?? 'Pending');
  }

  remove({ namespace, name }: JobName): void {
    const id = `${namespace}/${name}`;
    for (const sample of this.#series.get(id)?.values() ?? []) this.#drop(sample);
    this.#series.delete(id);
    this.#move(id, null);
  }

  /** @param before the value of the series so far; null for a new one @returns the sample with the value that is shown */
  #record(sample: Sample, before: number | null): Sample {
    const metric: Settable | Countable = this.#metrics[sample.metric];
    if ('set' in metric) {
      metric.set(sample.labels, sample.value);
      return sample;
    }
    const value = Math.max(sample.value, before ?? 0);
    metric.inc(sample.labels, value - (before ?? 0));
    return { ...sample, value };
  }

  #drop({ metric, labels }: Sample): void {
    const dropped: Pick<Settable, 'remove'> = this.#metrics[metric];
    dropped.remove(labels);
  }

  #move(job: string, to: Phase | null): void {
    const from = this.#phases.get(job) ?? null;
    if (from === to) return;
    if (from !== null) this.#metrics.jobs.dec({ phase: from });
    if (to === null) this.#phases.delete(job);
    else {
      this.#phases.set(job, to);
      this.#metrics.jobs.inc({ phase: to });
    }
  }
}

function isCounter({ metric }: Sample): boolean {
  return jobCatalog[metric].type === 'counter';
}
