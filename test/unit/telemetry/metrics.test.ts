/** The metrics: their names, and those of each job. */
import { version } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';

import type { DistillJobStatus } from '../../../src/api/index.js';
import { createMetrics, JobMeasures, metricDescriptions, type Metrics } from '../../../src/telemetry/index.js';

function made(): Metrics {
  return createMetrics({ processMetrics: false });
}

/** Series of the text that Prometheus reads: `name{labels}` to value. */
async function series({ registry }: Metrics): Promise<Map<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

describe('every metric', () => {
  test.each(metricDescriptions)('$name follows the naming rules of Prometheus and has a help text', (metric) => {
    const { name, type, help, labels } = metric;
    expect(name).toMatch(/^distillery_[a-z_]+$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    if (type === 'histogram') expect(name).toMatch(/_seconds$/);
    expect(help).toMatch(/^[A-Z1].*\.$/);
    for (const label of labels) expect(label).toMatch(/^[a-z]+$/);
  });

  test('has a unique name', () => {
    const names = metricDescriptions.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test('is served under its name with its help text', async () => {
    const text = await made().registry.metrics();
    for (const { name, type, help } of metricDescriptions) {
      expect(text).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
    }
  });
});

describe('a registry', () => {
  test('says which version runs', async () => {
    const [build] = (await series(made())).keys();
    expect(build).toBe(`distillery_build_info{version="${version}",node="${process.version}"}`);
  });

  test('shares nothing with another', async () => {
    const [one, other] = [made(), made()];
    one.queueDepth.set(3);
    expect((await series(one)).get('distillery_queue_depth')).toBe(3);
    expect((await series(other)).get('distillery_queue_depth')).toBe(0);
  });

  test('has metrics of the process on request', async () => {
    const names = await createMetrics({ processMetrics: true }).registry.metrics();
    expect(names).toMatch(/^process_resident_memory_bytes /m);
    expect(names).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
  });
});

const running: DistillJobStatus = {
  phase: 'Running',
  progress: { step: 812, steps: 1_407, percent: 57, epoch: 1, samplesPerSecond: 5_120 },
  buffer: { frames: 61, bytes: 187_392, waitFraction: 0.01 },
  teachers: { desired: 6, ready: 5, samplesPerSecond: 5_300, pools: [] },
  disruptions: { teacher: 3, student: 1 },
};

describe('the metrics of a job', () => {
  const mnist = { namespace: 'team', name: 'mnist' };
  const of = (name: string, more = ''): string => `distillery_job_${name}{namespace="team",name="mnist"${more}}`;

  test('follow its status', async () => {
    const metrics = made();
    new JobMeasures(metrics).set(mnist, running);
    const found = await series(metrics);
    const jobs = [...found].filter(([name]) => name.startsWith('distillery_job_'));
    expect(Object.fromEntries(jobs)).toEqual({
      [of('step')]: 812,
      [of('steps')]: 1_407,
      [of('samples_per_second')]: 5_120,
      [of('buffer_frames')]: 61,
      [of('wait_fraction')]: 0.01,
      [of('teachers_desired')]: 6,
      [of('teachers_ready')]: 5,
      [of('disruptions', ',role="teacher"')]: 3,
      [of('disruptions', ',role="student"')]: 1,
    });
  });

  test('are all removed with it', async () => {
    const metrics = made();
    const measures = new JobMeasures(metrics);
    measures.set(mnist, running);
    measures.set({ namespace: 'team', name: 'other' }, running);
    measures.remove(mnist);
    const left = [...(await series(metrics)).keys()].filter((name) => name.includes('namespace='));
    expect(left.filter((name) => name.includes('mnist'))).toEqual([]);
    expect(left).toHaveLength(9);
    measures.remove(mnist);
  });

  test('count it under its phase alone; a phase without jobs is 0', async () => {
    const metrics = made();
    const measures = new JobMeasures(metrics);
    const phases = async (): Promise<(number | undefined)[]> => {
      const all = await series(metrics);
      return ['Pending', 'Running', 'Suspended', 'Succeeded', 'Failed'].map((phase) =>
        all.get(`distillery_jobs{phase="${phase}"}`),
      );
    };
    expect(await phases()).toEqual([0, 0, 0, 0, 0]);
    measures.set(mnist, {});
    measures.set({ namespace: 'other', name: 'mnist' }, running);
    measures.set(mnist, running);
    measures.set(mnist, running);
    expect(await phases()).toEqual([0, 2, 0, 0, 0]);
    measures.set(mnist, { ...running, phase: 'Succeeded' });
    measures.remove({ namespace: 'other', name: 'mnist' });
    expect(await phases()).toEqual([0, 0, 0, 1, 0]);
  });
});
