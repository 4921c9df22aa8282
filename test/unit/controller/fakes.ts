/**
 * Honest fakes of the controller's ports: they keep state as the real ones do, and can be made to die at any call, as a
 * process does.
 */
import type { Clock } from '@distillery/base';
import {
  type DeadItem,
  logitsReaderOf,
  type NatsAccess,
  type StudentState,
  type TeacherState,
  type WorkerRole,
} from '@distillery/protocol';

import { type DistillJob, type DistillJobStatus, type EventDraft, streamsFinalizer } from '../../../src/api/index.js';
import type { AccessOf, Cluster, FoundJob, JobKey, WorkersPlan } from '../../../src/controller/index.js';
import {
  machineSlots,
  oneSlot,
  currentTeachersIn,
  slotResource,
  localNode,
} from '../../../src/cluster/local/machine.js';
import { Fleet, type Jobs, type Streams } from '../../../src/controller/index.js';
import type {
  ClusterObservation,
  InvalidJob,
  PoolObservation,
  ClusterSlots,
  StreamObservation,
  StudentObservation,
} from '../../../src/domain/index.js';
import { observedPool } from '../../kit/grants.js';
import { eventText, noonMs } from '../../kit/snapshots.js';

/** A copy, as the API server makes one. (structuredClone would create objects of another realm: jest runs tests in their own.) */
function asJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** The operator's process dies: nothing after this call happens. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

/** Counts the calls of one reconcile and dies before or after one of them. */
export class Fate {
  #left = Infinity;
  readonly calls: string[] = [];

  /** @param calls number of calls that still happen; the next one crashes before it does anything */
  dieAfter(calls: number): void {
    this.#left = calls;
    this.calls.length = 0;
  }

  call(name: string): void {
    if (this.#left <= 0) throw new Crash(name);
    this.#left -= 1;
    this.calls.push(name);
  }
}

export class FakeJobs implements Jobs {
  readonly statuses: DistillJobStatus[] = [];
  readonly events: string[] = [];
  job: DistillJob | null;
  /** The API server refuses every write of a status. */
  forbidsStatus = false;
  /** What today's rules find wrong with the stored job. */
  problems: InvalidJob['problems'] = [];

  constructor(
    private readonly fate: Fate,
    job: DistillJob,
  ) {
    this.job = job;
  }

  get(key: JobKey): Promise<FoundJob | null> {
    return this.#do('get job', () => {
      if (this.job?.metadata.uid !== key.uid) return null;
      const { problems } = this;
      const job = asJson(this.job);
      if (problems.length === 0) return { kind: 'Valid', job };
      return { kind: 'Invalid', metadata: job.metadata, status: job.status, problems };
    });
  }

  writeStatus(_key: JobKey, status: DistillJobStatus): Promise<void> {
    return this.#do('write status', () => {
      if (this.forbidsStatus) throw new Error('distilljobs.distillery.dev "mnist" is forbidden: no status today');
      this.statuses.push(status);
      if (this.job !== null) this.job = { ...this.job, status: asJson(status) };
    });
  }

  recordEvents(_key: JobKey, events: readonly EventDraft[]): Promise<void> {
    return this.#do('record events', () => void this.events.push(...events.map(eventText)));
  }

  setFinalizer(_key: JobKey, present: boolean): Promise<void> {
    return this.#do(present ? 'add finalizer' : 'remove finalizer', () => {
      if (this.job === null) return;
      const { metadata } = this.job;
      if (present && metadata.deletionTimestamp !== undefined) {
        throw new Error('Forbidden: no new finalizers can be added if the object is being deleted');
      }
      const others = (metadata.finalizers ?? []).filter((name) => name !== streamsFinalizer);
      const finalizers = present ? [...others, streamsFinalizer] : others;
      this.job = { ...this.job, metadata: { ...metadata, finalizers } };
      if (finalizers.length === 0 && metadata.deletionTimestamp !== undefined) this.job = null;
    });
  }

  delete(): Promise<void> {
    return this.#do('delete job', () => {
      this.deletedBySomebody();
    });
  }

  /** Like `kubectl delete`: at once, or as soon as the last finalizer is removed. */
  deletedBySomebody(): void {
    if (this.job === null) return;
    const { metadata } = this.job;
    if ((metadata.finalizers ?? []).length === 0) this.job = null;
    else this.job = { ...this.job, metadata: { ...metadata, deletionTimestamp: '2026-11-24T12:00:00Z' } };
  }

  #do<T>(name: string, work: () => T): Promise<T> {
    return new Promise((resolve) => {
      this.fate.call(name);
      resolve(work());
    });
  }
}

/** Processes that exist as soon as they are wanted, on a machine with a fixed number of slots. */
export class FakeCluster implements Cluster {
  readonly pools = new Map<string, string[]>();
  /** True: stopped processes linger until `endLingering`. */
  lingers = false;
  readonly lingering = new Set<string>();
  /** With what the API server refuses everything that is applied; it counts for that generation. */
  refuses: string | null = null;
  #refusal: { readonly generation: number | undefined; readonly sentence: string } | null = null;
  student: StudentObservation = { phase: 'Absent', starts: 0, failures: 0, disruptions: 0, lastError: null };
  applied: { readonly job: DistillJob; readonly plan: WorkersPlan; readonly access: AccessOf } | null = null;
  #started = 0;

  constructor(
    private readonly fate: Fate,
    readonly machineSlots: number,
  ) {}

  observe(_key: JobKey, { spec, metadata }: DistillJob): Promise<ClusterObservation> {
    return this.#do('observe processes', () => ({
      pools: spec.teacher.pools.map(({ name }) => {
        const going = [...this.lingering].filter((pod) => pod.startsWith(name)).map((pod) => `${pod}!`);
        return this.#observed(name, [...(this.pools.get(name) ?? []), ...going]);
      }),
      student: this.student,
      remains: this.#remains(),
      refusal: this.#refusal?.generation === metadata.generation ? (this.#refusal?.sentence ?? null) : null,
      usage: { teacherSlotSeconds: 0, studentSlotSeconds: 0 },
    }));
  }

  #observed(name: string, pods: readonly string[]): PoolObservation {
    const pool = observedPool(name, pods, noonMs);
    const onMachine = pool.pods.map((pod) => ({ ...pod, node: localNode }));
    return { ...pool, needs: oneSlot, resource: slotResource, pods: onMachine };
  }

  slots(): ClusterSlots {
    const held = [...this.pools.values()].flat().length + this.lingering.size;
    const staying = [...this.pools].flatMap(([name, pods]) => currentTeachersIn(name, this.#observed(name, pods).pods));
    return machineSlots(this.machineSlots, held, staying);
  }

  apply(_key: JobKey, job: DistillJob, plan: WorkersPlan, access: AccessOf): Promise<'Applied' | 'Refused'> {
    return this.#do('apply processes', () => {
      this.applied = { job, plan, access };
      const { generation } = job.metadata;
      this.#refusal = this.refuses === null ? null : { generation, sentence: this.refuses };
      if (this.refuses !== null) return 'Refused';
      for (const { name, replicas } of plan.pools) {
        const pods = (this.pools.get(name) ?? []).slice(0, replicas);
        this.#end((this.pools.get(name) ?? []).slice(replicas));
        while (pods.length < replicas) pods.push(`${name}-${String(this.#started++)}`);
        this.pools.set(name, pods);
      }
      const { phase, starts } = this.student;
      if (plan.student === 'Run' && phase === 'Absent') {
        this.student = { ...this.student, phase: 'Running', starts: starts + 1 };
      }
      if (plan.student === 'Stop' && phase === 'Running') this.student = { ...this.student, phase: 'Absent' };
      return 'Applied';
    });
  }

  remove(): Promise<boolean> {
    return this.#do('remove processes', () => {
      this.#end([...this.pools.values()].flat());
      if (this.student.phase === 'Running') this.#end(['student']);
      this.pools.clear();
      this.student = { ...this.student, phase: 'Absent' };
      return !this.#remains();
    });
  }

  /** Ends every stopped process. */
  endLingering(): void {
    this.lingering.clear();
  }

  #end(names: readonly string[]): void {
    if (this.lingers) for (const name of names) this.lingering.add(name);
  }

  #remains(): boolean {
    const running = [...this.pools.values()].flat();
    return this.student.phase === 'Running' || running.length + this.lingering.size > 0;
  }

  onChange(): void {
    // The tests call reconcile themselves.
  }

  #do<T>(name: string, work: () => T): Promise<T> {
    return new Promise((resolve) => {
      this.fate.call(name);
      resolve(work());
    });
  }
}

const unreachable = 'the connection to NATS is lost';

/** One job's streams on one server. */
export class FakeStreams implements Streams {
  exists = false;
  missing: string[] = [];
  reachable = true;
  frames = new Set<number>();
  student: StudentState | null = null;
  teachers = new Map<string, TeacherState>();
  dead: DeadItem[] = [];
  provisioned = 0;

  constructor(private readonly fate: Fate) {}

  provision(): Promise<void> {
    return this.#do('provision streams', () => {
      this.provisioned += 1;
      this.exists = true;
      this.missing = [];
    });
  }

  observe(): Promise<StreamObservation> {
    return this.#do('observe streams', (): StreamObservation => {
      if (!this.reachable) return { state: 'Unreachable', reason: unreachable };
      if (!this.exists) return { state: 'Absent' };
      const sequences = [...this.frames].sort((a, b) => a - b);
      return {
        state: 'Present',
        missing: this.missing,
        work: { messages: 1, pending: 1, ackPending: 0 },
        logits: {
          messages: sequences.length,
          bytes: sequences.length,
          firstSequence: sequences[0] ?? 0,
          lastSequence: sequences.at(-1) ?? 0,
        },
        dead: { messages: this.dead.length },
        student: this.student,
        readers: [logitsReaderOf('student', this.student)],
        reference: null,
        teachers: [...this.teachers.values()],
      };
    });
  }

  trim(_job: unknown, belowSequence: number): Promise<void> {
    return this.#do('trim', () => {
      for (const sequence of this.frames) if (sequence < belowSequence) this.frames.delete(sequence);
    });
  }

  deleteFrame(_job: unknown, sequence: number): Promise<void> {
    return this.#do('delete frame', () => void this.frames.delete(sequence));
  }

  newestDeadItem(): Promise<DeadItem | null> {
    return this.#do('read the newest dead item', () => this.dead.at(-1) ?? null);
  }

  remove(): Promise<void> {
    return this.#do('remove streams', () => {
      this.exists = false;
    });
  }

  access(role: WorkerRole, { metadata: { uid = '' } }: DistillJob): Promise<NatsAccess> {
    return Promise.resolve({
      kind: 'password',
      url: 'nats://127.0.0.1:4222',
      user: `${role}-${uid}`,
      password: `secret-${role}`,
    });
  }

  #do<T>(name: string, work: () => T): Promise<T> {
    return new Promise((resolve) => {
      this.fate.call(name);
      if (!this.reachable && name !== 'observe streams') throw new Error(unreachable);
      resolve(work());
    });
  }
}

/** The allocation over all jobs, with one job; no other job is woken. */
export function fleetOver(cluster: FakeCluster, clock: Clock): Fleet {
  return new Fleet({
    slots: () => cluster.slots(),
    rules: { reserve: {}, namespaceWeights: {} },
    clock,
    monotonicMs: () => clock.now(),
    wake: { part: () => undefined },
  });
}
