/**
 * The Wake port: how an adapter says what changed, and so which jobs are reconciled again. The job queue owns
 * it (job-queue.ts); watches, streams and the fleet get it before the queue runs.
 *
 * Every method only enqueues. It never throws, and it is safe to call from an event handler.
 */
import type { JobKey } from './ports.js';

export interface Wake {
  /** The job's own object was created, changed or marked for deletion. */
  job(key: JobKey): void;
  /** The job's own object is gone. */
  jobGone(key: JobKey): void;
  /** Something of one job changed: its processes, its streams, its grants. Ignored until the job itself is known. */
  part(jobUid: string): void;
  /** Free slots changed: a node, or what a pod holds or waits for. */
  slots(): void;
  /** Something that all jobs of a namespace depend on changed, such as their NATS account. */
  namespace(namespace: string): void;
  /** Something that all jobs depend on changed, such as the connection to NATS. */
  all(): void;
}
