/**
 * The Leases port: one coordination.k8s.io/v1 Lease with optimistic concurrency, which is all that leader election needs of
 * a cluster. The state machine over it is the controller's (src/controller/leader.ts).
 */

/** The spec of a Lease; its times are V1MicroTime, for people. */
export interface LeaseRecord {
  /** Empty: vacant. */
  readonly holderIdentity: string;
  /** 0: never said. */
  readonly leaseDurationSeconds: number;
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly leaseTransitions: number;
}

export interface StoredLease extends LeaseRecord {
  readonly resourceVersion: string;
}

/** `refused`: the lease is not, or not any more, what the writer took it for. */
export type LeaseWrite = { readonly kind: 'written'; readonly lease: StoredLease } | { readonly kind: 'refused' };

/** Whatever leaves open what happened (no answer, an error of the server) rejects. */
export interface Leases {
  /** null when there is none. */
  get(signal: AbortSignal): Promise<StoredLease | null>;
  /** Refused when there is one. */
  create(record: LeaseRecord, signal: AbortSignal): Promise<LeaseWrite>;
  /** Refused when it is gone, or has another version than `lease` says. */
  replace(lease: StoredLease, signal: AbortSignal): Promise<LeaseWrite>;
}
