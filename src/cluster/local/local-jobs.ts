/** The one job of a local run: what the API server is in a cluster. Its status lives in memory and in status.json. */
import { join } from 'node:path';

import { writeWhole } from '@distillery/platform';

import type { DistillJob, DistillJobStatus, EventDraft } from '../../api/index.js';
import type { FoundJob, JobKey } from '../index.js';

export class LocalJobs {
  readonly #folder: string;
  readonly #onEvents: (events: readonly EventDraft[]) => void;
  #job: DistillJob;

  /** @param onEvents hears of what one reconcile saw, in order */
  constructor(folder: string, job: DistillJob, onEvents: (events: readonly EventDraft[]) => void) {
    this.#folder = folder;
    this.#job = job;
    this.#onEvents = onEvents;
  }

  get(key: JobKey): Promise<FoundJob | null> {
    return Promise.resolve(key.uid === this.#job.metadata.uid ? { kind: 'Valid', job: this.#job } : null);
  }

  /** @throws Error when the run's folder cannot be written; the status is then the one before */
  async writeStatus(_key: JobKey, status: DistillJobStatus): Promise<void> {
    await writeWhole(join(this.#folder, 'status.json'), `${JSON.stringify(status, null, 2)}\n`);
    this.#job = { ...this.#job, status };
  }

  recordEvents(_key: JobKey, events: readonly EventDraft[]): Promise<void> {
    this.#onEvents(events);
    return Promise.resolve();
  }

  /** A folder needs none: whoever deletes it deletes everything. */
  setFinalizer(): Promise<void> {
    return Promise.resolve();
  }

  /** The person deletes the folder. */
  delete(): Promise<void> {
    return Promise.resolve();
  }
}
