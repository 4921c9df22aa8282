/** The metrics: their names, and those of each job. */
import { version } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';

import type { DistillJobStatus } from '../../../src/api/index.js';
import {
  createMetrics,
  type JobFigures,
  JobMeasures,
  metricDescriptions,
  type Metrics,
  type WorkerFigures,
} from '../../../src/telemetry/index.js';

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
    // prom-client has gauges with the suffix of counters.
    expect(names).not.toMatch(/^# TYPE \S+_total gauge/m);
  });
});

test('reconciles that are traced have their trace as an exemplar, in the format that knows exemplars', async () => {
  const metrics = createMetrics({ processMetrics: false, exemplars: true });
  metrics.observeReconcile(0.03, 'a'.repeat(32));
  metrics.observeReconcile(0.3, undefined);
  const text = await metrics.registry.metrics();
  expect(metrics.registry.contentType).toMatch(/^application\/openmetrics-text/);
  expect(text).toMatch(
    /^distillery_reconcile_duration_seconds_bucket\{le="0.1"\} 1 # \{trace_id="a{32}"\} 0.03 [0-9.]+$/m,
  );
  expect(text).toMatch(/^distillery_reconcile_duration_seconds_bucket\{le="0.5"\} 2$/m);
  expect(text).toMatch(/^distillery_events_total\{|^# TYPE distillery_events counter$/m);
  expect(text.endsWith('# EOF\n')).toBe(true);
});

test('without tracing there is none, and the format is that of Prometheus', async () => {
  const metrics = made();
  metrics.observeReconcile(0.03, undefined);
  expect(await metrics.registry.metrics()).toContain('distillery_reconcile_duration_seconds_bucket{le="0.1"} 1\n');
  expect(metrics.registry.contentType).toMatch(/^text\/plain/);
});

const running: DistillJobStatus = {
  phase: 'Running',
  conditions: [
    {
      type: 'Progressing',
      status: 'True',
      reason: 'Training',
      message: 'm',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    },
  ],
  progress: {
    step: 812,
    steps: 1_407,
    percent: 57,
    epoch: 1,
    samplesPerSecond: 5_120,
    secondsLeft: 40,
    loss: 0.25,
    metrics: [{ name: 'agreement', value: 0.9 }],
  },
  buffer: { frames: 61, bytes: 187_392, waitFraction: 0.01 },
  teachers: {
    desired: 6,
    ready: 5,
    samplesPerSecond: 5_300,
    pools: [{ name: 'gpu', desired: 6, ready: 5, wanted: 8, reason: 'MatchStudent' }],
  },
  disruptions: { teacher: 3, student: 1 },
  usage: { teacherSlotSeconds: 900, studentSlotSeconds: 100 },
  attempts: 2,
};
const workers: WorkerFigures = {
  logitsBytes: 200_000,
  pendingItems: 4,
  itemsInFlight: 2,
  student: {
    samplesTrained: 25_984,
    samplesPerSecond: 5_120.5,
    unstarvedSamplesPerSecond: 6_000,
    checkpointStep: 800,
    updatedAtMs: 1_700_000_000_000,
  },
  teachers: [
    { pool: 'gpu', samplesPerSecond: 1_000, capableSamplesPerSecond: 1_500, busyFraction: 0.5 },
    { pool: 'gpu', samplesPerSecond: 2_000, capableSamplesPerSecond: 2_500, busyFraction: 0.75 },
  ],
};
const figures = (status: DistillJobStatus, of: WorkerFigures | null = workers): JobFigures => ({
  status,
  logitsLimitBytes: 2_000_000,
  checkpointEverySteps: 200,
  workers: of,
});

describe('the metrics of a job', () => {
  const mnist = { namespace: 'team', name: 'mnist' };
  const of = (name: string, more = ''): string => `distillery_job_${name}{namespace="team",name="mnist"${more}}`;
  const jobSeries = async (metrics: Metrics): Promise<Record<string, number>> =>
    Object.fromEntries([...(await series(metrics))].filter(([name]) => name.includes('namespace="team"')));

  test('follow its status and what its workers report', async () => {
    const metrics = made();
    new JobMeasures(metrics).set(mnist, figures(running));
    expect(await jobSeries(metrics)).toEqual({
      [of('phase', ',phase="Running"')]: 1,
      [of('condition', ',type="Progressing",status="True",reason="Training"')]: 1,
      [of('step')]: 812,
      [of('steps')]: 1_407,
      [of('remaining_seconds')]: 40,
      [of('loss')]: 0.25,
      [of('quality', ',metric="agreement"')]: 0.9,
      [of('disruptions_total', ',role="teacher"')]: 3,
      [of('disruptions_total', ',role="student"')]: 1,
      [of('failures_total')]: 0,
      [of('attempts_total')]: 2,
      [of('dead_items')]: 0,
      [of('slot_seconds_total', ',role="teacher"')]: 900,
      [of('slot_seconds_total', ',role="student"')]: 100,
      [of('teachers_desired', ',pool="gpu"')]: 6,
      [of('teachers_ready', ',pool="gpu"')]: 5,
      [of('teachers_wanted', ',pool="gpu"')]: 8,
      [of('pool_info', ',pool="gpu",reason="MatchStudent"')]: 1,
      [of('buffer_frames')]: 61,
      [of('buffer_bytes')]: 187_392,
      [of('wait_ratio')]: 0.01,
      [of('logits_bytes')]: 200_000,
      [of('logits_limit_bytes')]: 2_000_000,
      [of('checkpoint_step')]: 800,
      [of('checkpoint_interval_steps')]: 200,
      [of('samples_trained_total')]: 25_984,
      [of('samples_per_second')]: 5_120.5,
      [of('unstarved_samples_per_second')]: 6_000,
      [of('student_report_timestamp_seconds')]: 1_700_000_000,
      [of('work_items', ',state="pending"')]: 4,
      [of('work_items', ',state="in_flight"')]: 2,
      [of('labeled_samples_per_second', ',pool="gpu"')]: 3_000,
      [of('capable_samples_per_second', ',pool="gpu"')]: 4_000,
      [of('teacher_busy_ratio', ',pool="gpu"')]: 0.625,
    });
  });

  test('count as wanted the teachers that are held while nothing says how many are', async () => {
    const metrics = made();
    const held = { name: 'gpu', desired: 6, ready: 0, reason: 'TelemetryGap' };
    const teachers = { desired: 6, ready: 0, samplesPerSecond: 0, pools: [held] };
    new JobMeasures(metrics).set(mnist, figures({ ...running, teachers }));
    // What the alert DistilleryNoTeachers compares.
    expect(await jobSeries(metrics)).toMatchObject({
      [of('teachers_ready', ',pool="gpu"')]: 0,
      [of('teachers_wanted', ',pool="gpu"')]: 6,
    });
  });

  test('that are not known have no series, and those that are no longer known lose theirs', async () => {
    const metrics = made();
    const measures = new JobMeasures(metrics);
    measures.set(mnist, figures(running));
    measures.set(mnist, figures({ phase: 'Suspended' }, null));
    const found = await jobSeries(metrics);
    expect(found).toMatchObject({ [of('phase', ',phase="Suspended"')]: 1 });
    for (const gone of ['step{', 'wait_ratio', 'teachers_ready', 'condition', 'phase="Running"', 'labeled']) {
      expect(Object.keys(found).filter((name) => name.includes(gone))).toEqual([]);
    }
  });

  test('that count never fall: a student that repeats steps, and streams that are away, change nothing', async () => {
    const metrics = made();
    const measures = new JobMeasures(metrics);
    const trained = async (): Promise<unknown> => (await jobSeries(metrics))[of('samples_trained_total')];
    measures.set(mnist, figures(running));
    const back = { ...workers, student: { ...workers.student!, samplesTrained: 20_000 } };
    measures.set(mnist, figures(running, back));
    expect(await trained()).toBe(25_984);
    measures.set(mnist, figures(running, null));
    expect(await trained()).toBe(25_984);
    measures.set(mnist, figures(running, { ...back, student: { ...back.student, samplesTrained: 26_000 } }));
    expect(await trained()).toBe(26_000);
  });

  test('are all removed with it', async () => {
    const metrics = made();
    const measures = new JobMeasures(metrics);
    measures.set(mnist, figures(running));
    measures.set({ namespace: 'team', name: 'other' }, figures(running));
    const both = Object.keys(await jobSeries(metrics)).length;
    measures.remove(mnist);
    const left = Object.keys(await jobSeries(metrics));
    expect(left.filter((name) => name.includes('mnist'))).toEqual([]);
    expect(left).toHaveLength(both / 2);
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
    measures.set(mnist, figures({}));
    measures.set({ namespace: 'other', name: 'mnist' }, figures(running));
    measures.set(mnist, figures(running));
    measures.set(mnist, figures(running));
    expect(await phases()).toEqual([0, 2, 0, 0, 0]);
    measures.set(mnist, figures({ ...running, phase: 'Succeeded' }));
    measures.remove({ namespace: 'other', name: 'mnist' });
    expect(await phases()).toEqual([0, 0, 0, 1, 0]);
  });
});
