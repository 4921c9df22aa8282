/** The metrics of each job, set from its status and removed with the job. */
import type { DistillJobStatus } from '../api/index.js';

import type { Metrics } from './metrics.js';

interface JobName {
  readonly namespace: string;
  readonly name: string;
}

type Phase = NonNullable<DistillJobStatus['phase']>;

const phases: readonly Phase[] = ['Pending', 'Queued', 'Running', 'Suspended', 'Succeeded', 'Failed'];

export class JobMeasures {
  readonly #metrics: Metrics;
  readonly #phases = new Map<string, Phase>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    // A phase without jobs is reported as 0, not left out.
    for (const phase of phases) metrics.jobs.set({ phase }, 0);
  }

  set({ namespace, name }: JobName, status: DistillJobStatus): void {
    const job = { namespace, name };
    const { phase = 'Pending', progress, buffer, teachers, disruptions } = status;
    const metrics = this.#metrics;
    if (progress !== undefined) {
      metrics.step.set(job, progress.step);
      metrics.steps.set(job, progress.steps);
      metrics.samplesPerSecond.set(job, progress.samplesPerSecond ?? 0);
    }
    if (buffer !== undefined) {
      metrics.bufferFrames.set(job, buffer.frames);
      metrics.waitFraction.set(job, buffer.waitFraction);
    }
    metrics.teachersDesired.set(job, teachers?.desired ?? 0);
    metrics.teachersReady.set(job, teachers?.ready ?? 0);
    metrics.disruptions.set({ ...job, role: 'teacher' }, disruptions?.teacher ?? 0);
    metrics.disruptions.set({ ...job, role: 'student' }, disruptions?.student ?? 0);
    this.#move(`${namespace}/${name}`, phase);
  }

  remove({ namespace, name }: JobName): void {
    const job = { namespace, name };
    const { step, steps, samplesPerSecond, bufferFrames, waitFraction, teachersDesired, teachersReady } = this.#metrics;
    for (const gauge of [step, steps, samplesPerSecond, bufferFrames, waitFraction, teachersDesired, teachersReady]) {
      gauge.remove(job);
    }
    for (const role of ['teacher', 'student']) this.#metrics.disruptions.remove({ ...job, role });
    this.#move(`${namespace}/${name}`, null);
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
