/** The metrics of one job, as data: from what a decision saw, to samples. Pure. */
import { type DistillJobStatus, wantedTeachers } from '../api/index.js';

import type { jobCatalog } from './catalog.js';

export interface JobName {
  readonly namespace: string;
  readonly name: string;
}

/** What workers reported, as far as it becomes metrics. */
export interface WorkerFigures {
  readonly logitsBytes: number;
  /** Work items that wait for a teacher. */
  readonly pendingItems: number;
  /** Work items that a teacher holds. */
  readonly itemsInFlight: number;
  /** null before the first report. */
  readonly student: {
    readonly samplesTrained: number;
    readonly samplesPerSecond: number;
    readonly unstarvedSamplesPerSecond: number;
    /** null for a student that does not report it. */
    readonly checkpointStep: number | null;
    /** Milliseconds since 1970. */
    readonly updatedAtMs: number;
  } | null;
  readonly teachers: readonly {
    readonly pool: string;
    readonly samplesPerSecond: number;
    readonly capableSamplesPerSecond: number;
    /** From 0 to 1. */
    readonly busyFraction: number;
  }[];
}

export interface JobFigures {
  readonly status: DistillJobStatus;
  readonly logitsLimitBytes: number;
  readonly checkpointEverySteps: number;
  /** null while the streams are absent or out of reach. */
  readonly workers: WorkerFigures | null;
}

type JobMetric = keyof typeof jobCatalog;

export interface Sample {
  readonly metric: JobMetric;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** All samples of one job. What is not known has no sample: a gap is honest, a zero is not. */
export function samplesOf({ namespace, name }: JobName, figures: JobFigures): Sample[] {
  const labels = { namespace, name };
  const { status, workers } = figures;
  const samples = [...statusSamples(status), ...poolSamples(status)];
  samples.push(
    { metric: 'logitsLimit', labels: {}, value: figures.logitsLimitBytes },
    { metric: 'checkpointEvery', labels: {}, value: figures.checkpointEverySteps },
  );
  if (workers !== null) samples.push(...workerSamples(workers));
  return samples.map((sample) => ({ ...sample, labels: { ...labels, ...sample.labels } }));
}

function one(metric: JobMetric, value: number | undefined, labels: Sample['labels'] = {}): Sample[] {
  return value === undefined ? [] : [{ metric, labels, value }];
}

function statusSamples(status: DistillJobStatus): Sample[] {
  const { phase = 'Pending', progress, buffer, disruptions, usage, conditions = [] } = status;
  const metrics = new Map((progress?.metrics ?? []).map((metric) => [metric.name, metric.value]));
  return [
    ...one('phase', 1, { phase }),
    ...conditions.flatMap(({ type, status: holds, reason }) => one('condition', 1, { type, status: holds, reason })),
    ...one('step', progress?.step),
    ...one('steps', progress?.steps),
    ...one('remaining', progress?.secondsLeft),
    ...one('loss', progress?.loss),
    ...[...metrics].flatMap(([metric, value]) => one('quality', value, { metric })),
    ...one('disruptions', disruptions?.teacher ?? 0, { role: 'teacher' }),
    ...one('disruptions', disruptions?.student ?? 0, { role: 'student' }),
    ...one('failures', status.failures ?? 0),
    ...one('attempts', status.attempts ?? 0),
    ...one('deadItems', status.deadItems?.count ?? 0),
    ...one('slotSeconds', usage?.teacherSlotSeconds ?? 0, { role: 'teacher' }),
    ...one('slotSeconds', usage?.studentSlotSeconds ?? 0, { role: 'student' }),
    ...one('bufferFrames', buffer?.frames),
    ...one('bufferBytes', buffer?.bytes),
    ...one('waitRatio', buffer?.waitFraction),
  ];
}

function poolSamples({ teachers }: DistillJobStatus): Sample[] {
  return (teachers?.pools ?? []).flatMap((status) => {
    const { name: pool, desired, ready, reason } = status;
    return [
      ...one('teachersDesired', desired, { pool }),
      ...one('teachersReady', ready, { pool }),
      // Always: an alert about a pool without teachers compares the two.
      ...one('teachersWanted', wantedTeachers(status), { pool }),
      ...one('poolInfo', 1, { pool, reason }),
    ];
  });
}

function workerSamples({ logitsBytes, pendingItems, itemsInFlight, student, teachers }: WorkerFigures): Sample[] {
  return [
    ...one('logitsBytes', logitsBytes),
    ...one('workItems', pendingItems, { state: 'pending' }),
    ...one('workItems', itemsInFlight, { state: 'in_flight' }),
    ...one('samplesTrained', student?.samplesTrained),
    ...one('samplesPerSecond', student?.samplesPerSecond),
    ...one('unstarvedSamplesPerSecond', student?.unstarvedSamplesPerSecond),
    ...one('checkpointStep', student?.checkpointStep ?? undefined),
    ...one('reported', student === null ? undefined : student.updatedAtMs / 1_000),
    ...teacherSamples(teachers),
  ];
}

/** By pool: single teachers come and go, and a series for each would not be bounded. */
function teacherSamples(teachers: WorkerFigures['teachers']): Sample[] {
  const byPool = Map.groupBy(teachers, ({ pool }) => pool);
  return [...byPool].flatMap(([pool, members]) => {
    const sum = (of: (teacher: WorkerFigures['teachers'][number]) => number): number =>
      members.reduce((total, teacher) => total + of(teacher), 0);
    return [
      ...one(
        'labeledPerSecond',
        sum(({ samplesPerSecond }) => samplesPerSecond),
        { pool },
      ),
      ...one(
        'capablePerSecond',
        sum(({ capableSamplesPerSecond }) => capableSamplesPerSecond),
        { pool },
      ),
      ...one('teacherBusy', sum(({ busyFraction }) => busyFraction) / members.length, { pool }),
    ];
  });
}
