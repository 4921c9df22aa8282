/**
 * A process that labels random pictures for some seconds and writes how many a second: by our inference thread with two
 * batches on the way, as a teacher does, or by a session of ONNX Runtime alone. Started by teachers.ts.
 */
import { join } from 'node:path';

import { randomFrom } from '@distillery/base';
import { InferenceSession, Tensor } from 'onnxruntime-node';

import { openInferenceThread } from '../../workers/compute/index.js';
import { imageInputs, imageSamples, sizeOf } from '../../workers/samples/index.js';

import type { Labeling } from './teachers.js';

const { who, threads, batch, seconds } = JSON.parse(process.argv[2] ?? '') as Labeling;
const path = join(import.meta.dirname, '../../../examples/mnist/models/teacher.onnx');
const shape = [28, 28, 1];
const random = randomFrom(1);
const pixels = Float32Array.from({ length: batch * sizeOf(shape) }, () => random.unit());
const warmUpMs = 500;

/** @returns labels a second, after a warm-up */
async function rateOf(onTheWay: number, label: () => Promise<unknown>): Promise<number> {
  let labeled = 0;
  const start = performance.now() + warmUpMs;
  const end = start + seconds * 1e3;
  let last = start;
  const labeler = async (): Promise<void> => {
    while (performance.now() < end) {
      await label();
      const now = performance.now();
      if (now < start) continue;
      if (labeled === 0) last = now;
      labeled += batch;
      finish = now;
    }
  };
  let finish = start;
  await Promise.all(Array.from({ length: onTheWay }, labeler));
  // The first batch after the warm-up began before it ended: it only starts the clock.
  return (1e3 * (labeled - batch)) / (finish - last);
}

if (who === 'ours') {
  const inputs = imageInputs(shape);
  const source = { format: 'onnx', path, input: {}, inputs, threads, runtime: 'auto', limitSeconds: 60 } as const;
  const teacher = await openInferenceThread(source);
  process.stdout.write(String(await rateOf(2, () => teacher.infer(imageSamples(shape, pixels.slice())))));
  await teacher.close();
} else {
  const session = await InferenceSession.create(path, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
  });
  const [name = ''] = session.inputNames;
  const feed = { [name]: new Tensor('float32', pixels, [batch, 1, 28, 28]) };
  process.stdout.write(String(await rateOf(1, () => session.run(feed))));
}
