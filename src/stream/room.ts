/**
 * What is wrong, and what to do, where JetStream has no room for a stream. An account's limit and the server's store are raised by
 * different people, and the server often answers both with the same code: then the account's own figures decide. Pure.
 */
import type { FaultOf } from '@distillery/base';
import type { JetStreamLimit } from '@distillery/protocol';

/** Storage of one kind in an account, in bytes. */
export interface AccountRoom {
  /** null = no limit. */
  readonly limitBytes: number | null;
  readonly reservedBytes: number;
}

/** Where the limits of an account are set, for a sentence. */
export const accountSettings = {
  /** The operator makes the accounts of namespaces. */
  perNamespace:
    "the namespace's limits in `nats.accounts` of the chart (DISTILLERY_NATS_ACCOUNT_LIMITS, DISTILLERY_NATS_NAMESPACE_LIMITS)",
  /** The account was given to us. */
  given: 'the limits of that account',
} as const;

export interface Shortage {
  readonly limit: JetStreamLimit;
  /** The server's own words. */
  readonly text: string;
  /** What the stream would reserve, and what the account has; absent = not known. */
  readonly account?: AccountRoom & { readonly wantedBytes: number };
  /** Where the account's limits are set; absent = outside of Distillery. */
  readonly settings?: string;
}

/** Whose limit it is, when the account has said what it may reserve. */
export function limitOf({ limitBytes, reservedBytes }: AccountRoom, wantedBytes: number): 'account' | 'server' {
  return limitBytes !== null && reservedBytes + wantedBytes > limitBytes ? 'account' : 'server';
}

/** Which limit is reached, and how to raise it. */
export function roomFault({ limit, text, account, settings = accountSettings.given }: Shortage): FaultOf {
  const smaller = 'delete finished jobs, lower spec.logits.maxBytes, or';
  switch (limit) {
    case 'account': {
      const figures =
        account === undefined || account.limitBytes === null
          ? text
          : `${text}: of ${bytes(account.limitBytes)} it has reserved ${bytes(account.reservedBytes)}, and this stream ` +
            `needs ${bytes(account.wantedBytes)}`;
      return {
        problem: `a limit of the job's NATS account is reached (${figures})`,
        remedy: `${smaller} ask the administrator to raise ${settings}`,
      };
    }
    case 'accountCount':
      return {
        problem: `a limit of the job's NATS account is reached (${text})`,
        remedy: `delete finished jobs, or ask the administrator to raise ${settings}`,
      };
    case 'server':
      return {
        problem:
          `the JetStream store of the NATS server is full (${text}). It takes at most max_file_store, by default 75 % of ` +
          'the free disk',
        remedy: `${smaller} free space on the server's disk or raise max_file_store`,
      };
    case 'either':
      return {
        problem:
          `JetStream has no room for it (${text}): either the storage limit of the job's NATS account is reached or the ` +
          'store of the NATS server is full',
        remedy: `${smaller} ask the administrator of NATS to raise the limit or free space`,
      };
  }
}

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

function bytes(count: number): string {
  const power = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(count) / 10));
  const amount = count / 1_024 ** power;
  return `${Number.isInteger(amount) ? String(amount) : amount.toFixed(1)} ${units[power] ?? ''}`;
}
