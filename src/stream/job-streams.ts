/** What a reconcile does with a job's streams, over the operator's one connection; the same on a laptop and in a cluster. */
import { type DistillJob, quantityValue } from '../api/index.js';
import { type DeadItem, jobNames, maxWindowSteps, type NatsAccess, type WorkerRole } from '../protocol/index.js';

import type { StreamAdmin } from './admin.js';
import type { ObserveOptions, StreamObservation } from './observation.js';
import { jobStreams } from './streams.js';

/** Messages a step that the work queue has room for; more only wait a little. */
const mostShards = 64;

/** How a role of a job reaches its streams. */
export type AccessOf = (role: WorkerRole, job: DistillJob) => Promise<NatsAccess>;

export class JobStreamsPort {
  readonly #admin: StreamAdmin;
  readonly access: AccessOf;

  constructor(admin: StreamAdmin, access: AccessOf) {
    this.#admin = admin;
    this.access = access;
  }

  async provision({ metadata, spec: { logits } }: DistillJob): Promise<void> {
    await this.#admin.provision(
      jobStreams({
        names: jobNames(metadata.uid ?? ''),
        maxBytes: quantityValue(logits.maxBytes),
        storage: logits.storage,
        replicas: logits.replicas,
        windowBound: maxWindowSteps * mostShards,
      }),
    );
  }

  observe(uid: string, options: ObserveOptions): Promise<StreamObservation> {
    return this.#admin.observe(uid, options);
  }

  async trim(uid: string, belowSequence: number): Promise<void> {
    await this.#admin.trim(uid, belowSequence);
  }

  async deleteFrame(uid: string, sequence: number): Promise<void> {
    await this.#admin.deleteFrame(uid, sequence);
  }

  async deadItems(uid: string): Promise<readonly DeadItem[]> {
    return this.#admin.deadItems(uid, 1);
  }

  async remove(uid: string): Promise<void> {
    await this.#admin.remove(uid);
  }
}
