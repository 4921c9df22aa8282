/**
 * Teachers as remote devices: the real Teacher, queue and publishing, and an inference that takes a fixed time and no
 * processor of this machine. One process holds the whole fleet. Started by pipeline.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { jobNames } from '../../src/protocol/index.js';
import type { Split } from '../../workers/data/index.js';
import { Meter } from '../../workers/shell/meter.js';
import { runWorker } from '../../workers/shell/process.js';
import { bury, connectWorker, publishFrame, workQueue } from '../../workers/stream/index.js';
import { Teacher } from '../../workers/teacher/teacher.js';

const columns = 10;

/** Samples that cost nothing to read: the device is elsewhere. */
const emptySplit: Split = {
  length: 60_000,
  shape: [1, 1, 1],
  classes: columns,
  read: (indices) => Promise.resolve(new Float32Array(indices.length)),
  labels: (indices) => new Int32Array(indices.length),
  close: () => Promise.resolve(),
};

await runWorker(async ({ env, log, clock, stop }) => {
  const names = jobNames(env.manifest.job.uid);
  const devices = Number(process.env.BENCH_DEVICES);
  const serviceMs = Number(process.env.BENCH_SERVICE_MS);
  const link = await connectWorker({
    ...env.nats,
    inboxPrefix: names.inboxPrefix('teacher'),
    name: env.pod,
    waitMs: 10_000,
    clock,
    log,
  });
  const fleet = Array.from({ length: devices }, (_, device) => {
    let free: Promise<unknown> = Promise.resolve();
    return new Teacher({
      name: `${env.pod}-${device}`,
      manifest: env.manifest,
      split: emptySplit,
      meter: new Meter(),
      clock,
      log,
      inference: {
        columns,
        digestHex: '00000000000000aa',
        infer: async (_samples, rows) => {
          const busy = free.then(() => sleep(serviceMs));
          free = busy;
          await busy;
          return { logits: new Float32Array(rows * columns), busyMs: serviceMs, idleMs: 0 };
        },
      },
      stream: {
        deliveries: (signal) => workQueue(link, names, signal),
        publish: (shard, step, frame) => publishFrame(link, names, { shard, step }, frame),
        bury: (item) => bury(link, names, item),
      },
    });
  });
  await Promise.all(fleet.map((teacher) => teacher.run(stop)));
});
