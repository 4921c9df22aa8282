/** The Jobs port of a local run: its one job. The status is kept in memory and in status.json. */
import { join } from 'node:path';

import { writeWhole } from '@distillery/platform';

import type { DistillJob, DistillJobStatus, EventDraft } from '../../api/index.js';
import type { FoundJob, JobKey } from '../../controller/index.js';

export class LocalJobs {
  readonly #folder: string;
  readonly #onEvents: (events: readonly EventDraft[]) => void;
  #job: DistillJob;

  /** @param onEvents called with the events of a reconcile, in order */
  constructor(folder: string, job: DistillJob, onEvents: (events: readonly EventDraft[]) => void) {
    this.#folder = folder;
    this.#job = job;
    this.#onEvents = onEvents;
  }

  get(key: JobKey): Promise<FoundJob | null> {
    return Promise.resolve(key.uid === this.#job.metadata.uid ? { kind: 'Valid', job: this.#job } : null);
  }

  /** @throws Error when the run's folder cannot be written; the status then stays as it was */
  async writeStatus(_key: JobKey, status: DistillJobStatus): Promise<void> {
    await writeWhole(join(this.#folder, 'status.json'), `${JSON.stringify(status, null, 2)}\n`);
    this.#job = { ...this.#job, status };
  }

  recordEvents(_key: JobKey, events: readonly EventDraft[]): Promise<void> {
    this.#onEvents(events);
    return Promise.resolve();
  }

  /** A local run needs no finalizer: deleting its folder deletes everything. */
  setFinalizer(): Promise<void> {
    return Promise.resolve();
  }

  /** Does nothing: the user deletes the folder. */
  delete(): Promise<void> {
    return Promise.resolve();
  }
}
