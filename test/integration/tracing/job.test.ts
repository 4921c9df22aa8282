/** A real job with a real collector: each sampled step is one trace, from the student's feed over a teacher to the update. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, test } from '@jest/globals';

import { DistillProcess, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';
import { otlpReceiver, type ReceivedSpan } from '../../kit/otlp-receiver.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-tracing-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function runJob(name: string, environment: Readonly<Record<string, string>>): Promise<DistillProcess> {
  const data = smallMnist(join(folder, name, 'data'), { train: 256, test: 64 });
  const job = writeSmallJob(join(folder, name), data, (spec) => {
    spec.training.epochs = 1;
  });
  const run = new DistillProcess(['run', job, '--json', '--dir', join(folder, name, 'run')], {
    DISTILL_NATIVE_FOLDER: 'none',
    ...environment,
  });
  expect({ code: await run.ended(), stderr: run.stderr }).toMatchObject({ code: 0 });
  return run;
}

test('a step is one trace over two processes, and reconciles are traces of their own', async () => {
  const receiver = await otlpReceiver();
  const traced = await runJob('traced', {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_TRACES_SAMPLER_ARG: '1',
  });
  await receiver.close();
  expect(receiver.refused).toEqual([]);

  const { spans } = receiver;
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const roots = spans.filter(({ name }) => name === 'step');
  const { steps } = traced.progress!;
  expect(roots.map(({ attributes }) => attributes['distillery.step']).sort((a, b) => Number(a) - Number(b))).toEqual(
    Array.from({ length: steps }, (_, step) => step),
  );
  for (const root of roots) {
    expect(root.parentSpanId).toBe('');
    const trace = spans.filter(({ traceId }) => traceId === root.traceId);
    const only = (name: string): ReceivedSpan => {
      const found = trace.filter((span) => span.name === name);
      expect({ name, found: found.length }).toEqual({ name, found: 1 });
      return found[0]!;
    };
    const [feed, buffer, train] = (['feed', 'buffer', 'train'] as const).map(only) as [
      ReceivedSpan,
      ReceivedSpan,
      ReceivedSpan,
    ];
    // The path from the update back to the feed crosses both processes by the headers of item and frame. On a busy machine
    // an item may be delivered again, and the trace then shows that it was taught twice.
    const parentOf = ({ parentSpanId }: ReceivedSpan): ReceivedSpan => byId.get(parentSpanId)!;
    const publish = parentOf(buffer);
    const teach = parentOf(publish);
    expect([publish, teach, parentOf(teach), parentOf(feed)].map(({ name }) => name)).toEqual([
      'publish',
      'teach',
      'feed',
      'step',
    ]);
    const infers = trace.filter(({ name }) => name === 'infer');
    expect(infers.map((infer) => parentOf(infer).name)).toEqual(infers.map(() => 'teach'));
    expect(infers.map(({ parentSpanId }) => parentSpanId)).toContain(teach.spanId);
    expect(parentOf(train).name).toBe('step');
    expect([feed, teach].map(({ resource }) => resource['service.name'])).toEqual([
      'distillery-student',
      'distillery-teacher',
    ]);
    expect(trace.every(({ status }) => status === 0)).toBe(true);
    expect(trace.every(({ startNs, endNs }) => startNs > 0n && endNs >= startNs)).toBe(true);
  }
  const reconciles = spans.filter(({ name }) => name === 'reconcile');
  expect(reconciles.length).toBeGreaterThan(0);
  const phases = spans.filter(({ parentSpanId }) => parentSpanId === reconciles[0]!.spanId).map(({ name }) => name);
  expect(phases).toEqual(['observe', 'allocate', 'decide', 'act', 'report']);
});

test('a collector that takes nothing changes nothing, and is named in the log once', async () => {
  const receiver = await otlpReceiver();
  receiver.refuse(true);
  const traced = await runJob('refused', {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_TRACES_SAMPLER_ARG: '1',
  });
  await receiver.close();
  expect(receiver.spans).toEqual([]);
  expect(receiver.refused.length).toBeGreaterThan(0);
  const plain = await runJob('plain', {});
  expect(traced.result?.digest).toBe(plain.result?.digest);
  const log = readFileSync(join(folder, 'refused', 'run', 'logs', 'engine.log'), 'utf8');
  expect(log.match(/the collector takes no traces/g)).toHaveLength(1);
});
