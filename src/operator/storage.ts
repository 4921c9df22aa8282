/** Reads what the accounts of jobs take on NATS, and how full its servers are, for metrics: a part of the composition root. */
import type { Clock } from '@distillery/base';

import type { StreamHome } from '../stream/index.js';
import type { Metrics } from '../telemetry/index.js';

const accountsEveryMs = 15_000;
/** Each server of a cluster answers for its own store. */
const serversEveryMs = 60_000;

type AccountMetrics = Pick<Metrics, 'natsStorageUsed' | 'natsStorageReserved' | 'natsStorageLimit'>;
type ServerMetrics = Pick<Metrics, 'natsServerStorageUsed' | 'natsServerStorageReserved' | 'natsServerStorageLimit'>;

export interface StorageWatchOptions {
  readonly home: Pick<StreamHome, 'storage' | 'serverStorage'>;
  readonly metrics: AccountMetrics & ServerMetrics;
  readonly clock: Clock;
}

/** Reads until the signal aborts. What gives no answer has no figures. */
export async function watchStorage({ home, metrics, clock }: StorageWatchOptions, signal: AbortSignal): Promise<void> {
  const again = async (everyMs: number, read: () => Promise<void>): Promise<void> => {
    while (!signal.aborted) {
      await read();
      await clock.sleep(everyMs, signal);
    }
  };
  await Promise.all([
    again(accountsEveryMs, async () => showAccounts(metrics, await home.storage())),
    again(serversEveryMs, async () => showServers(metrics, await home.serverStorage())),
  ]);
}

function showAccounts(
  { natsStorageUsed, natsStorageReserved, natsStorageLimit }: AccountMetrics,
  accounts: Awaited<ReturnType<StreamHome['storage']>>,
): void {
  for (const metric of [natsStorageUsed, natsStorageReserved, natsStorageLimit]) metric.reset();
  for (const { account: of, usedBytes, reservedBytes, limitBytes } of accounts) {
    const account = of ?? 'shared';
    natsStorageUsed.set({ account }, usedBytes);
    natsStorageReserved.set({ account }, reservedBytes);
    if (limitBytes !== null) natsStorageLimit.set({ account }, limitBytes);
  }
}

function showServers(
  { natsServerStorageUsed, natsServerStorageReserved, natsServerStorageLimit }: ServerMetrics,
  fullest: Awaited<ReturnType<StreamHome['serverStorage']>>,
): void {
  for (const metric of [natsServerStorageUsed, natsServerStorageReserved, natsServerStorageLimit]) metric.reset();
  for (const { storage, usedBytes, reservedBytes, limitBytes } of fullest) {
    natsServerStorageUsed.set({ storage }, usedBytes);
    natsServerStorageReserved.set({ storage }, reservedBytes);
    natsServerStorageLimit.set({ storage }, limitBytes);
  }
}
