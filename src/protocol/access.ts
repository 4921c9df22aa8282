/**
 * How one role of one job reaches its streams. The operator makes it, the cluster adapter hands it to the worker (a file of
 * mode 0600, or a mounted Secret), the worker reads it (docs/protocol.md "Environment").
 */

/** `reader`: whoever brings the finished model home; it may read the job's objects and nothing else. */
export const workerRoles = ['teacher', 'student', 'reader'] as const;
export type WorkerRole = (typeof workerRoles)[number];

export type NatsAccess =
  | { readonly kind: 'password'; readonly url: string; readonly user: string; readonly password: string }
  /** `creds`: text of a .creds file, that is, a user JWT and the seed that proves it. */
  | { readonly kind: 'creds'; readonly url: string; readonly creds: string };
