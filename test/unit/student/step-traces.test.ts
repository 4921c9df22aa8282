/** The traces of a student's steps. */
import { expect, test } from '@jest/globals';

import type { Samples } from '../../../workers/samples/index.js';
import { StepTraces, tracedSupply, tracedTrainer } from '../../../workers/student/step-traces.js';
import { labelsAlone } from '../../../workers/student/supply.js';
import type { TrainerClient } from '../../../workers/student/trainer-client.js';
import { FakeTracer } from '../../kit/tracer.js';

const id = (step: number, shard = 0) => ({ step, shard });
const fed = (): Promise<'fed'> => Promise.resolve('fed');
const frameOf = (step: number, traceparent?: string) => ({
  ...id(step),
  sequence: step,
  data: new Uint8Array(8),
  traceparent,
});
const batchOf = (step: number) => ({ step, samples: {} as Samples, targets: null, teacherLogits: null });

/** A trainer whose only deed is to train, or to fail. */
function trainerThat(train: () => Promise<void>): TrainerClient {
  const reply = { loss: 0.5, metrics: {}, busyMs: 1, idleMs: 0 };
  return { parameters: 1, train: () => train().then(() => reply) } as unknown as TrainerClient;
}

test('a step is one trace from its feed to its training', async () => {
  const tracer = new FakeTracer();
  const traces = new StepTraces(tracer);
  let header: string | undefined;
  await traces.fed(id(3), (traceparent) => {
    header = traceparent;
    return fed();
  });
  const publish = tracer.continue(header, 'publish');
  traces.gathered(frameOf(3, publish?.traceparent));
  publish?.end();
  expect(tracer.seen).toEqual(['step() open', 'feed(step)', 'publish(feed)', 'buffer(publish) open']);
  await tracedSupply(labelsAlone(), traces).take(3);
  await tracedTrainer(
    trainerThat(() => Promise.resolve()),
    traces,
  ).train(batchOf(3));
  expect(tracer.seen).toEqual(['step()', 'feed(step)', 'publish(feed)', 'buffer(publish)', 'train(step)']);
});

test('a step that is fed again has one feed, whose context goes along each time', async () => {
  const tracer = new FakeTracer();
  const traces = new StepTraces(tracer);
  const headers: (string | undefined)[] = [];
  const publish = (traceparent?: string): Promise<'fed'> => {
    headers.push(traceparent);
    return fed();
  };
  for (let times = 0; times < 3; times++) await traces.fed(id(0), publish);
  expect(new Set(headers).size).toBe(1);
  expect(tracer.seen).toEqual(['step() open', 'feed(step)']);
});

test('the frame of a teacher that does not trace lies in the trace of its step', async () => {
  const tracer = new FakeTracer();
  const traces = new StepTraces(tracer);
  await traces.fed(id(0), fed);
  traces.gathered(frameOf(0));
  expect(tracer.seen.at(-1)).toBe('buffer(step) open');
});

test('a step that is not sampled has no span and no header', async () => {
  const tracer = new FakeTracer(0);
  const traces = new StepTraces(tracer);
  await traces.fed(id(0), (traceparent) => {
    expect(traceparent).toBeUndefined();
    return fed();
  });
  traces.gathered(frameOf(0));
  await tracedTrainer(
    trainerThat(() => Promise.resolve()),
    traces,
  ).train(batchOf(0));
  expect(tracer.seen).toEqual([]);
});

test('what is asked about held-out samples belongs to no step', async () => {
  const tracer = new FakeTracer();
  await new StepTraces(tracer).fed({ ...id(7), split: 'test' }, fed);
  expect(tracer.seen).toEqual([]);
});

test('what fails is said to have failed, and nothing stays open', async () => {
  const tracer = new FakeTracer();
  const traces = new StepTraces(tracer);
  const refused = (): Promise<'fed'> => Promise.reject(new Error('refused'));
  await expect(traces.fed(id(0), refused)).rejects.toThrow('refused');
  await traces.fed(id(1), fed);
  const trainer = tracedTrainer(
    trainerThat(() => Promise.reject(new Error('no memory'))),
    traces,
  );
  await expect(trainer.train(batchOf(1))).rejects.toThrow('no memory');
  traces.abandon();
  expect(tracer.seen).toEqual(['step()', 'feed(step) failed', 'step()', 'feed(step)', 'train(step) failed']);
  expect(tracer.spans[0]?.set).toEqual({ 'distillery.abandoned': true });
});
