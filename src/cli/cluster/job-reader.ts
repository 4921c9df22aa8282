import type { DistillJob } from '../../api/index.js';

/** What `distill fetch` reads from the API server. */
export interface JobReader {
  /** The namespace of a job without --namespace. */
  readonly namespace: string;
  /** @returns null when there is no such job @throws CliError */
  readJob(namespace: string, name: string): Promise<DistillJob | null>;
  /** @returns decoded values by key; null when there is no such Secret @throws CliError */
  readSecret(namespace: string, name: string): Promise<Record<string, string> | null>;
}
