/**
 * Teachers as remote devices: the real Teacher, queue and publishing, with an inference that takes a fixed time and no CPU
 * of this machine. One process runs BENCH_DEVICES of them. Started by job.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Clock } from '@distillery/base';
import { jobNames } from '@distillery/protocol';

import { imageInputs, imageSamples, type Split } from '../../workers/samples/index.js';
import { Meter } from '../../workers/base/meter.js';
import { runWorker } from '../../workers/process/process.js';
import {
  connectWorker,
  publishDeadLetter,
  publishFrame,
  type WorkDelivery,
  workQueue,
} from '../../workers/stream/index.js';
import { Teacher } from '../../workers/teacher/teacher.js';

import { report } from './reports.js';

const columns = 10;
const shape = [1, 1, 1];

/** Samples without a cost of reading: the device is remote. */
const emptySplit: Split = {
  length: 60_000,
  spec: { inputs: imageInputs(shape), positions: 1, target: { kind: 'class', classes: columns, names: null } },
  read: (indices) => Promise.resolve(imageSamples(shape, new Float32Array(indices.length))),
  targets: (indices) => Promise.resolve({ kind: 'class', perSample: 1, labels: new Int32Array(indices.length) }),
  close: () => Promise.resolve(),
};

await runWorker('teacher', async ({ env, log, clock, stop }) => {
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
      heldOut: null,
      meter: new Meter(),
      clock,
      log,
      inference: {
        columns,
        digestHex: '00000000000000aa',
        infer: async ({ count: rows }) => {
          const busy = free.then(() => {
            report({ kind: 'begun', atMs: clock.now() });
            return sleep(serviceMs);
          });
          free = busy;
          await busy;
          return { logits: new Float32Array(rows * columns), busyMs: serviceMs, idleMs: 0 };
        },
      },
      stream: {
        deliveries: (signal) => reported(workQueue(link, names, signal), clock),
        publish: (shard, step, frame) => publishFrame(link, names, { shard, step }, frame),
        publishDeadLetter: (item) => publishDeadLetter(link, names, item),
      },
    });
  });
  await Promise.all(fleet.map((teacher) => teacher.run(stop)));
});

/** Reports the items that this process holds, so that the process that kills it knows them. */
async function* reported(deliveries: AsyncIterable<WorkDelivery>, clock: Clock): AsyncGenerator<WorkDelivery> {
  for await (const delivery of deliveries) {
    const { item, step, shard, deliveries: count } = delivery;
    const reportDelivery = (kind: 'delivered' | 'done'): void => {
      report({ kind, step, deliveries: count, atMs: clock.now() });
    };
    reportDelivery('delivered');
    yield {
      item,
      step,
      shard,
      deliveries: count,
      done: async () => {
        await delivery.done();
        reportDelivery('done');
      },
      giveBack: (delayMs) => delivery.giveBack(delayMs),
    };
  }
}
