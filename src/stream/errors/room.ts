/** What the operator says where JetStream has no room for a job's streams (packages/nats/src/room.ts). Pure. */
import type { AccountRoom } from '@distillery/nats';

/** Where the limits of an account are set, for a sentence. */
export const accountSettings = {
  /** The operator makes the accounts of namespaces. */
  perNamespace:
    "the namespace's limits in `nats.accounts` of the chart (DISTILLERY_NATS_ACCOUNT_LIMITS, DISTILLERY_NATS_NAMESPACE_LIMITS)",
  /** The account was given to us. */
  given: 'the limits of that account',
} as const;

/** How a job's streams need less room. */
export const saving = 'lower spec.logits.maxBytes';

/** Whose limit it is: the server often answers for both with one code, and then the account's own figures decide. */
export function limitOf({ limitBytes, reservedBytes }: AccountRoom, wantedBytes: number): 'account' | 'server' {
  return limitBytes !== null && reservedBytes + wantedBytes > limitBytes ? 'account' : 'server';
}
