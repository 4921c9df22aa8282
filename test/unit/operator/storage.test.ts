/** What accounts take on NATS, and how full its servers are, as metrics: read again and again, and gone with an answer. */
import { expect, test } from '@jest/globals';

import { watchStorage } from '../../../src/operator/storage.js';
import type { AccountStorage, ServerStorage } from '../../../src/stream/index.js';
import { createMetrics } from '../../../src/telemetry/index.js';
import { FakeClock } from '../../kit/clock.js';

const noAnswer = () => Promise.resolve([]);

test('the figures of every account are those of the last answer', async () => {
  const metrics = createMetrics({ processMetrics: false });
  const clock = new FakeClock();
  const stop = new AbortController();
  let accounts: AccountStorage[] = [
    { account: 'team-a', usedBytes: 5, reservedBytes: 70, limitBytes: 100 },
    { account: null, usedBytes: 6, reservedBytes: 80, limitBytes: null },
  ];
  const home = { storage: () => Promise.resolve(accounts), serverStorage: noAnswer };
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

test('the figures of the servers are read once a minute', async () => {
  const metrics = createMetrics({ processMetrics: false });
  const clock = new FakeClock();
  const stop = new AbortController();
  const file: ServerStorage = { storage: 'file', usedBytes: 5, reservedBytes: 70, limitBytes: 100 };
  let servers: ServerStorage[] = [file, { storage: 'memory', usedBytes: 1, reservedBytes: 2, limitBytes: 50 }];
  const home = { storage: noAnswer, serverStorage: () => Promise.resolve(servers) };
  const figures = async (): Promise<string[]> =>
    (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith('distillery_nats_server_storage'));
  const watching = watchStorage({ home, metrics, clock }, stop.signal);
  await clock.advance(0);
  const first = [
    'distillery_nats_server_storage_used_bytes{storage="file"} 5',
    'distillery_nats_server_storage_used_bytes{storage="memory"} 1',
    'distillery_nats_server_storage_reserved_bytes{storage="file"} 70',
    'distillery_nats_server_storage_reserved_bytes{storage="memory"} 2',
    'distillery_nats_server_storage_limit_bytes{storage="file"} 100',
    'distillery_nats_server_storage_limit_bytes{storage="memory"} 50',
  ];
  expect(await figures()).toEqual(first);
  servers = [];
  await clock.advance(45_000);
  expect(await figures()).toEqual(first);
  await clock.advance(15_000);
  expect(await figures()).toEqual([]);
  stop.abort();
  await watching;
});
