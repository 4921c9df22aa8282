/**
 * What is wrong, and what to do, where JetStream has no room: one table for the operator, which makes streams, and for
 * the workers, which write to them. Account, server and stream have limits of their own, which different people raise. Pure.
 */
import type { StatementFault } from '@distillery/base';
import type { JetStreamLimit } from '@distillery/protocol';

/** Storage of one kind in an account, in bytes. */
export interface AccountRoom {
  /** null = no limit. */
  readonly limitBytes: number | null;
  readonly reservedBytes: number;
}

export interface Shortage {
  /** `stream`: the stream's own. */
  readonly limit: JetStreamLimit | 'stream';
  /** The server's own words. */
  readonly text: string;
  /** What the stream would reserve, and what the account has; absent = not known. */
  readonly account?: AccountRoom & { readonly wantedBytes: number };
  /** Where the account's limits are set; absent = outside of Distillery. */
  readonly settings?: string;
  /** How the job needs less room, as an imperative; absent = not at all. */
  readonly saving?: string;
}

/** Which limit is reached, and how to raise it or to need less. */
export function roomFault({
  limit,
  text,
  account,
  settings = 'the limits of that account',
  saving,
}: Shortage): Omit<StatementFault, 'about'> {
  const savings = saving === undefined ? [] : [saving];
  const inAccount = (words: string): string => `a limit of the job's NATS account is reached (${words})`;
  switch (limit) {
    case 'stream':
      return { problem: `its own limit is reached (${text})`, remedy: saving ?? '' };
    case 'account':
      return {
        problem: inAccount(withFigures(text, account)),
        remedy: anyOf(['delete finished jobs', ...savings, `ask the administrator to raise ${settings}`]),
      };
    case 'accountCount':
      return {
        problem: inAccount(text),
        remedy: anyOf(['delete finished jobs', `ask the administrator to raise ${settings}`]),
      };
    case 'server':
      return {
        problem:
          `the JetStream store of the NATS server is full (${text}). It takes at most max_file_store, by default 75 % of ` +
          'the free disk',
        remedy: anyOf(['delete finished jobs', ...savings, "free space on the server's disk or raise max_file_store"]),
      };
    case 'either':
      return {
        problem:
          `JetStream has no room for it (${text}): either the storage limit of the job's NATS account is reached or the ` +
          'store of the NATS server is full',
        remedy: anyOf([
          'delete finished jobs',
          ...savings,
          'ask the administrator of NATS to raise the limit or free space',
        ]),
      };
  }
}

function anyOf(actions: readonly string[]): string {
  return `${actions.slice(0, -1).join(', ')}, or ${actions.at(-1) ?? ''}`;
}

function withFigures(text: string, account: Shortage['account']): string {
  if (account === undefined || account.limitBytes === null) return text;
  const { limitBytes, reservedBytes, wantedBytes } = account;
  return `${text}: of ${bytes(limitBytes)} it has reserved ${bytes(reservedBytes)}, and this stream needs ${bytes(wantedBytes)}`;
}

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

function bytes(count: number): string {
  const power = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(count) / 10));
  const amount = count / 1_024 ** power;
  return `${Number.isInteger(amount) ? String(amount) : amount.toFixed(1)} ${units[power] ?? ''}`;
}
