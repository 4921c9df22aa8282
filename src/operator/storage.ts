/** Reads what the accounts of jobs take on NATS, for metrics: a part of the composition root. */
import type { Clock } from '@distillery/base';

import type { StreamHome } from '../stream/index.js';
import type { Metrics } from '../telemetry/index.js';

const everyMs = 15_000;

type StorageMetrics = Pick<Metrics, 'natsStorageUsed' | 'natsStorageReserved' | 'natsStorageLimit'>;

export interface StorageWatchOptions {
  readonly home: Pick<StreamHome, 'storage'>;
  readonly metrics: StorageMetrics;
  readonly clock: Clock;
}

/** Reads until the signal aborts. An account that gives no answer has no figures. */
export async function watchStorage({ home, metrics, clock }: StorageWatchOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    showStorage(metrics, await home.storage());
    await clock.sleep(everyMs, signal);
  }
}

function showStorage(
  { natsStorageUsed, natsStorageReserved, natsStorageLimit }: StorageMetrics,
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
