/** What accounts take on NATS, as metrics: read again and again, and gone with an account that gives no answer. */
import { expect, test } from '@jest/globals';

import { watchStorage } from '../../../src/operator/storage.js';
import type { AccountStorage } from '../../../src/stream/index.js';
import { createMetrics } from '../../../src/telemetry/index.js';
import { FakeClock } from '../../kit/clock.js';

test('the figures of every account are those of the last answer', async () => {
  const metrics = createMetrics({ processMetrics: false });
  const clock = new FakeClock();
  const stop = new AbortController();
  let accounts: AccountStorage[] = [
    { account: 'team-a', usedBytes: 5, reservedBytes: 70, limitBytes: 100 },
    { account: null, usedBytes: 6, reservedBytes: 80, limitBytes: null },
  ];
  const home = { storage: () => Promise.resolve(accounts) };
  const figures = async (): Promise<string[]> =>
    (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith('distillery_nats_storage'));
  const watching = watchStorage({ home, metrics, clock }, stop.signal);
  await clock.advance(0);
  expect(await figures()).toEqual([
    'distillery_nats_storage_used_bytes{account="team-a"} 5',
    'distillery_nats_storage_used_bytes{account="shared"} 6',
    'distillery_nats_storage_reserved_bytes{account="team-a"} 70',
    'distillery_nats_storage_reserved_bytes{account="shared"} 80',
    'distillery_nats_storage_limit_bytes{account="team-a"} 100',
  ]);
  accounts = [{ account: 'team-a', usedBytes: 9, reservedBytes: 70, limitBytes: 100 }];
  await clock.advance(15_000);
  expect(await figures()).toEqual([
    'distillery_nats_storage_used_bytes{account="team-a"} 9',
    'distillery_nats_storage_reserved_bytes{account="team-a"} 70',
    'distillery_nats_storage_limit_bytes{account="team-a"} 100',
  ]);
  stop.abort();
  await watching;
});
