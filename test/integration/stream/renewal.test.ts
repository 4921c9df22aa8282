/**
 * Workers' credentials that expire and keys that are exchanged, on a real server: a job with real worker processes goes on,
 * in its first attempt and to the same weights (docs/adr/0056).
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { writeWholeSync } from '@distillery/platform';
import type { WorkerRole } from '@distillery/protocol';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';

import type { DistillJobStatus } from '../../../src/api/index.js';
import { openRunFolder } from '../../../src/cli/local/load-job.js';
import { startLocalEngine } from '../../../src/cli/local/local-engine.js';
import type { RunFolder } from '../../../src/cli/local/run-folder.js';
import { LocalCluster, LocalJobs } from '../../../src/cluster/local/index.js';
import type { JobKey } from '../../../src/controller/index.js';
import { type NamespaceAccounts, NatsStreams } from '../../../src/stream/index.js';
import { writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';
import { openNamespaceAccounts } from '../../kit/namespace-accounts.js';
import { type OperatorNats, startOperatorNats } from '../../kit/nats-operator.js';
import { systemClock } from '../../kit/stream.js';
import { until } from '../../kit/until.js';
import { program } from '../../kit/programs.js';

const scripts = {
  teacher: program('workers/teacher/main'),
  student: program('workers/student/main'),
};
const roles = ['student', 'teacher'] as const;
const namespace = 'team-a';

const folder = mkdtempSync(join(tmpdir(), 'distillery-renewal-'));
const closers: (() => Promise<unknown>)[] = [];
let nats: OperatorNats;
let jobFile = '';

beforeAll(async () => {
  nats = await startOperatorNats();
  const data = smallMnist(join(folder, 'data'), { train: 512, test: 128 });
  jobFile = writeSmallJob(folder, data, (spec) => {
    Object.assign(spec.training, { epochs: 30 });
    // One process each, whose log shows every reconnect.
    spec.teacher.pools = [{ name: 'cpu', maxReplicas: 1 }];
  });
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(async () => {
  await nats.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A job of a namespace, with an operator that can be exchanged and a kubelet that brings its credentials to the workers. */
class RenewedJob {
  readonly #folder: RunFolder;
  readonly #cluster: LocalCluster;
  readonly #jobs: LocalJobs;
  readonly #kubelet: NodeJS.Timeout;
  readonly #createdAtMs: number;
  #home: NamespaceAccounts | null = null;
  #endOperator: () => Promise<void> = () => Promise.resolve();

  private constructor(run: RunFolder) {
    this.#folder = run;
    const environment = { PATH: process.env.PATH ?? '', HOME: folder, DISTILL_NATIVE_FOLDER: 'none' };
    this.#cluster = new LocalCluster({ folder: run.path, slots: 1, scripts, environment, clock: systemClock });
    const { metadata } = run.job;
    const job = { ...run.job, metadata: { ...metadata, namespace, creationTimestamp: new Date().toISOString() } };
    this.#jobs = new LocalJobs(run.path, job, () => undefined);
    this.#createdAtMs = Date.parse(job.metadata.creationTimestamp);
    this.#kubelet = setInterval(() => this.#bringCredentials(), 100);
  }

  static async start(name: string): Promise<RenewedJob> {
    const needs = {
      readInput: (path: string) => readFile(path, 'utf8'),
      newUid: () => `uid-${name}`,
      pid: process.pid,
      nowMs: () => Date.now(),
      scripts,
    };
    const job = new RenewedJob(await openRunFolder({ file: jobFile, dir: join(folder, name) }, needs));
    closers.push(() => job.#close());
    return job;
  }

  get #key(): JobKey {
    const { name, uid = '' } = this.#folder.job.metadata;
    return { namespace, name, uid };
  }

  /** Empty before the first reconcile. */
  get status(): DistillJobStatus {
    if (!existsSync(this.#folder.file('status.json'))) return {};
    return JSON.parse(readFileSync(this.#folder.file('status.json'), 'utf8')) as DistillJobStatus;
  }

  get step(): number {
    return this.status.progress?.step ?? 0;
  }

  /** How often a role's process has connected again. */
  reconnects(role: WorkerRole): number {
    return this.#logsOf(role).join('').split('connected to NATS again').length - 1;
  }

  /** Processes that a role has had. */
  processes(role: WorkerRole): number {
    return this.#logsOf(role).length;
  }

  /** One a process. */
  #logsOf(role: WorkerRole): string[] {
    return readdirSync(this.#folder.file('logs'))
      .filter((name) => name.endsWith('.log') && name.startsWith('student') === (role === 'student'))
      .map((name) => readFileSync(this.#folder.file('logs', name), 'utf8'));
  }

  /** Begins the work of an operator: engine, accounts and credentials. */
  operate(home: NamespaceAccounts): void {
    this.#home = home;
    const engine = startLocalEngine({
      key: this.#key,
      jobs: this.#jobs,
      cluster: this.#cluster,
      streams: new NatsStreams(home),
      clock: systemClock,
      observer: () => undefined,
      failed: () => undefined,
    });
    const heart = setInterval(() => engine.wake(), 200);
    this.#endOperator = async () => {
      clearInterval(heart);
      await engine.stop();
      await home.close();
    };
  }

  async endOperator(): Promise<void> {
    this.#home = null;
    const end = this.#endOperator;
    this.#endOperator = () => Promise.resolve();
    await end();
  }

  /** As the kubelet writes a Secret that changed into its volume. While no operator runs, nothing changes. */
  #bringCredentials(): void {
    if (this.#home === null || this.#cluster.processes().student === null) return;
    for (const role of roles) {
      const { uid } = this.#key;
      const access = this.#home.access(role, { namespace, uid, createdAtMs: this.#createdAtMs });
      if (access.kind !== 'creds') throw new Error('credentials are issued here');
      writeWholeSync(this.#folder.file('job', `${role}.creds`), access.creds, { mode: 0o600 });
    }
  }

  async #close(): Promise<void> {
    clearInterval(this.#kubelet);
    await this.endOperator();
    await this.#cluster.remove();
  }
}

const shortLived = { credentialSeconds: 2, hasJobs: () => true };

test('a job goes on while its credentials expire, its operator is away and keys are exchanged', async () => {
  const calm = await RenewedJob.start('calm');
  calm.operate(openNamespaceAccounts(nats, { hasJobs: () => true }));
  await until(
    'the end of the calm run',
    () => calm.status.phase === 'Succeeded',
    () => JSON.stringify(calm.status),
  );
  const { digest } = calm.status.result ?? {};
  expect(calm.reconnects('student')).toBe(0);
  expect(digest).toMatch(/^\w+/);

  const job = await RenewedJob.start('renewed');
  let home = openNamespaceAccounts(nats, shortLived);
  job.operate(home);
  for (const role of roles) {
    await until(
      `the ${role} to have used new credentials`,
      () => job.reconnects(role) >= 1,
      () => said(job),
    );
  }

  // Away for longer than any credentials last: workers wait, and none ends.
  await job.endOperator();
  const before = job.step;
  const refused = await nats.refusals();
  await until(
    'refusals',
    async () => (await nats.refusals()) > refused + 4,
    () => said(job),
  );
  home = openNamespaceAccounts(nats, shortLived);
  job.operate(home);
  await until(
    'further steps',
    () => job.step > before,
    () => said(job),
  );

  const first = nats.accounts.operatorSigningSeed;
  await job.endOperator();
  const signingSeed = await nats.rotateOperatorKey();
  home = openNamespaceAccounts(nats, { ...shortLived, keys: { signingSeed, accountsSeed: first } });
  job.operate(home);

  await until(
    'the end',
    () => ['Succeeded', 'Failed'].includes(job.status.phase ?? ''),
    () => said(job),
  );
  expect(job.status).toMatchObject({ phase: 'Succeeded', result: { digest } });
  expect({ students: job.processes('student'), teachers: job.processes('teacher') }).toEqual({
    students: 1,
    teachers: 1,
  });
});

const said = (job: RenewedJob): string =>
  JSON.stringify({ status: job.status, reconnects: roles.map((role) => job.reconnects(role)) });
