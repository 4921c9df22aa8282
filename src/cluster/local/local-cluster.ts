/**
 * The Cluster port over this machine: cores are the slots, child processes are the pods. One job a run.
 *
 * Invariants:
 *  local-cluster/C1 Teachers never hold more processes than there are slots, stopping ones included.
 *  local-cluster/C2 No process outlives the run: each holds a pipe and exits when it closes.
 *  local-cluster/C3 Passwords and tokens of NATS are passed in files of mode 0600, never in arguments or the environment.
 */
import { join } from 'node:path';

import type { Clock } from '@distillery/base';
import { writeWholeSync } from '@distillery/platform';
import type { NatsAccess } from '@distillery/protocol';

import type { DistillJob } from '../../api/index.js';
import type { ClusterObservation, PoolObservation, ClusterSlots } from '../../domain/index.js';
import type { AccessOf, Cluster, JobKey, WorkersPlan } from '../../controller/index.js';

import { type Child, startChild } from './child.js';
import { machineSlots, oneSlot, currentTeachersIn, slotResource } from './machine.js';
import { writeManifest } from './manifest-file.js';
import { StudentJob } from './student-job.js';
import { TeacherPool } from './teacher-pool.js';

export interface LocalClusterOptions {
  /** The run's folder, with manifest, passwords, logs, checkpoints and results. */
  readonly folder: string;
  readonly slots: number;
  readonly scripts: { readonly teacher: string; readonly student: string };
  /** Environment variables of every worker besides its own, such as PATH and HOME. */
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
}

/** A teacher finishes or returns its work within 2 s; the rest is for its exit. */
const teacherGraceMs = 4_000;
/** A student writes a checkpoint before it exits. */
const studentGraceMs = 10_000;

/** Environment variables for the connection to NATS; the secrets are in files. */
type WrittenAccess = Readonly<Record<'teacher' | 'student', Readonly<Record<string, string>>>>;

export class LocalCluster implements Cluster {
  readonly #options: LocalClusterOptions;
  readonly #pools = new Map<string, TeacherPool>();
  readonly #student: StudentJob;
  readonly #callbacks: ((key: JobKey) => void)[] = [];
  #slots: number;
  #key: JobKey | null = null;
  #access: WrittenAccess | null = null;

  constructor(options: LocalClusterOptions) {
    this.#options = options;
    this.#slots = options.slots;
    this.#student = new StudentJob({
      start: (pod) => this.#start('student', pod, ''),
      changed: () => this.#changed(),
      clock: options.clock,
      graceMs: studentGraceMs,
    });
  }

  onChange(callback: (key: JobKey) => void): void {
    this.#callbacks.push(callback);
  }

  observe(_key: JobKey, { spec }: DistillJob): Promise<ClusterObservation> {
    const held = this.#held();
    const observed = spec.teacher.pools.map(
      ({ name }): PoolObservation =>
        this.#pools.get(name)?.observe() ?? {
          name,
          needs: oneSlot,
          resource: slotResource,
          pods: [],
          unplacedSinceMs: null,
          disruptions: 0,
          failuresInARow: 0,
          lastError: null,
        },
    );
    const teacherSeconds = [...this.#pools.values()].reduce((sum, pool) => sum + pool.slotSeconds(), 0);
    return Promise.resolve({
      pools: observed,
      student: this.#student.observe(),
      remains: held > 0 || this.#student.pid() !== null,
      refusal: null,
      usage: {
        teacherSlotSeconds: Math.round(teacherSeconds),
        studentSlotSeconds: Math.round(this.#student.slotSeconds()),
      },
    });
  }

  slots(): ClusterSlots {
    const staying = [...this.#pools].flatMap(([name, pool]) => currentTeachersIn(name, pool.observe().pods));
    return machineSlots(this.#slots, this.#held(), staying);
  }

  /** Sets the number of slots; teachers beyond it are stopped. */
  setSlots(slots: number): void {
    if (slots === this.#slots) return;
    this.#slots = slots;
    this.#changed();
  }

  #held(): number {
    return [...this.#pools.values()].reduce((sum, pool) => sum + pool.held, 0);
  }

  /** @throws Error when the manifest or a password file cannot be written */
  async apply(key: JobKey, job: DistillJob, plan: WorkersPlan, access: AccessOf): Promise<'Applied'> {
    this.#access ??= await this.#writeFiles(key, job, access);
    this.#key = key;
    const plans = new Map(plan.pools.map((pool) => [pool.name, pool]));
    for (const name of plans.keys()) this.#pool(name);
    // Includes pools that the job no longer has.
    for (const [name, pool] of this.#pools) pool.scaleTo(plans.get(name)?.replicas ?? 0, plans.get(name)?.leave);
    this.#student.want(plan.student, job.spec.backoffLimit);
    return 'Applied';
  }

  async remove(): Promise<boolean> {
    await Promise.all([this.#student.drain(), ...[...this.#pools.values()].map((pool) => pool.drain())]);
    return true;
  }

  /** Process ids, for people and for tests that kill processes. */
  processes(): { readonly student: number | null; readonly teachers: readonly number[] } {
    return { student: this.#student.pid(), teachers: [...this.#pools.values()].flatMap((pool) => pool.pids()) };
  }

  #pool(name: string): TeacherPool {
    const known = this.#pools.get(name);
    if (known !== undefined) return known;
    const pool = new TeacherPool({
      name,
      start: (pod) => this.#start('teacher', pod, name),
      changed: () => this.#changed(),
      clock: this.#options.clock,
      graceMs: teacherGraceMs,
    });
    this.#pools.set(name, pool);
    return pool;
  }

  #start(role: 'teacher' | 'student', pod: string, pool: string): Child {
    const { folder, scripts, environment } = this.#options;
    const access = this.#access?.[role];
    if (access === undefined) throw new Error(`a ${role} was started before a plan was applied`);
    return startChild({
      script: scripts[role],
      environment: {
        ...environment,
        DISTILL_MANIFEST: this.#file('manifest.json'),
        ...access,
        DISTILL_POD: pod,
        DISTILL_POOL: pool,
        DISTILL_FOLDER: folder,
      },
      logFile: join(folder, 'logs', `${pod}.log`),
      terminationFile: join(folder, 'logs', `${pod}.end`),
      background: role === 'teacher',
    });
  }

  async #writeFiles(key: JobKey, job: DistillJob, access: AccessOf): Promise<WrittenAccess> {
    writeManifest(this.#options.folder, job, key.uid);
    return {
      teacher: this.#write('teacher', await access('teacher')),
      student: this.#write('student', await access('student')),
    };
  }

  #write(role: string, access: NatsAccess): WrittenAccess['teacher'] {
    const file = this.#file(`${role}.${access.kind}`);
    const written = (secret: string): string => {
      writeWholeSync(file, secret, { mode: 0o600 });
      return file;
    };
    const { url } = access;
    switch (access.kind) {
      case 'password': {
        const { user, password } = access;
        return { DISTILL_NATS_URL: url, DISTILL_NATS_USER: user, DISTILL_NATS_PASSWORD_FILE: written(password) };
      }
      case 'token':
        return { DISTILL_NATS_URL: url, DISTILL_NATS_TOKEN_FILE: written(access.token) };
      case 'creds':
        return { DISTILL_NATS_URL: url, DISTILL_NATS_CREDS_FILE: written(access.creds) };
    }
  }

  #file(name: string): string {
    return join(this.#options.folder, 'job', name);
  }

  #changed(): void {
    const key = this.#key;
    if (key !== null) for (const callback of this.#callbacks) callback(key);
  }
}
