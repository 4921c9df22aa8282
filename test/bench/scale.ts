/**
 * The operator with many jobs and many nodes: a real control plane, real streams, nodes and pods of kwok.
 *
 *   npm run bench scale -- --jobs 1000 --nodes 5000 --minutes 10
 *
 * Six phases: nodes start; all jobs are applied at once and get their teachers; nothing happens for some minutes; one job
 * after the other is changed; all students and teachers publish telemetry, as if they worked; all jobs are deleted.
 * Everything runs on one machine, so the duration of a phase is that of the whole cluster; the operator's own share is its
 * CPU time.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { type ControlPlane, distillJobCrd, startControlPlane, until } from '../kit/cluster/index.js';
import { someJob, teacherPriorityClass } from '../kit/cluster/jobs.js';
import { type RunningOperator, startOperator } from '../kit/cluster/operator.js';
import type { RequestCounts } from '../kit/cluster/request-counts.js';
import { manyJobs, type OperatorNats, startOperatorNats } from '../kit/nats-operator.js';
import { connectRoot } from '../kit/stream.js';

import { Reading } from './metrics-text.js';
import { type Usage, usageOf, UsageWatch } from './process-usage.js';
import { type BenchOptions, type BenchTable, quantile } from './table.js';
import { type SimulatedJob, SimulatedWorkers } from './simulated-workers.js';

const teachersPerJob = 4;
const gpusPerNode = 8;
const appliesAtOnce = 8;
const changes = 20;
const mostTelemetryMinutes = 3;
const hourMs = 3_600_000;
/** Objects that the operator writes for a job, and those that follow from them. */
const written = [
  'distilljobs',
  'deployments',
  'jobs',
  'configmaps',
  'secrets',
  'serviceaccounts',
  'networkpolicies',
  'events',
  'pods',
  'replicasets',
];

interface Row {
  readonly phase: string;
  readonly figure: string;
  readonly value: string | number;
}

export async function scaleBench(say: (line: string) => void, options: BenchOptions): Promise<BenchTable> {
  const jobs = Number(options.jobs ?? 1_000);
  const nodes = Number(options.nodes ?? 5_000);
  const minutes = Number(options.minutes ?? 10);
  const [cluster, nats] = await Promise.all([
    startControlPlane({ crds: [distillJobCrd] }),
    startOperatorNats({ limits: manyJobs }),
  ]);
  try {
    await cluster.apply(teacherPriorityClass);
    const startedMs = performance.now();
    await cluster.addNodes(nodes, { gpus: gpusPerNode });
    say(`${String(nodes)} nodes are ready after ${seconds(performance.now() - startedMs)} s`);
    const environment =
      options.qps === undefined ? {} : { DISTILLERY_API_QPS: options.qps, DISTILLERY_API_BURST: options.qps };
    const operator = await startOperator(cluster, {
      nats,
      environment,
    });
    const bench = new Bench(cluster, operator, say);
    await bench.idle();
    await bench.comeUp(jobs);
    await bench.rest(minutes);
    await bench.change(jobs);
    await bench.telemetry(nats, Math.min(minutes, mostTelemetryMinutes));
    await bench.goAway(jobs);
    bench.add('nats-server', 'RSS at the end, MiB', round((await usageOf(nats.serverPid)).rssMiB));
    const rows = bench.rows.map((row) => ({ ...row }));
    return {
      name: 'scale',
      goal: `${String(jobs)} jobs × ${String(teachersPerJob)} teachers over ${String(nodes)} nodes × ${String(gpusPerNode)} GPUs: no writes at rest, RSS flat`,
      rows,
    };
  } finally {
    await cluster.stop();
    await nats.stop();
  }
}

/** All measurements at one moment. */
interface Moment {
  readonly atMs: number;
  readonly usage: Usage;
  readonly operator: Reading;
  readonly server: RequestCounts;
}

class Bench {
  readonly rows: Row[] = [];
  readonly #cluster: ControlPlane;
  readonly #operator: RunningOperator;
  readonly #say: (line: string) => void;

  constructor(cluster: ControlPlane, operator: RunningOperator, say: (line: string) => void) {
    this.#cluster = cluster;
    this.#operator = operator;
    this.#say = say;
  }

  add(phase: string, figure: string, value: string | number): void {
    this.rows.push({ phase, figure, value });
    this.#say(`${phase}: ${figure}: ${String(value)}`);
  }

  async idle(): Promise<void> {
    const { rssMiB, cpuSeconds } = await usageOf(this.#operator.process.pid);
    this.add('no job', 'RSS, MiB', round(rssMiB));
    this.add('no job', 'CPU since its start, s', round(cpuSeconds));
  }

  /** Measures from the first apply until each job has its desired teachers and student. */
  async comeUp(count: number): Promise<void> {
    const phase = 'all jobs applied at once';
    const before = await this.#moment();
    const watch = new UsageWatch(this.#operator.process.pid);
    const applied = new Map<string, number>();
    const next = Array.from({ length: count }, (_, index) => `job-${String(index)}`).values();
    await Promise.all(
      Array.from({ length: appliesAtOnce }, async () => {
        for (const name of next) {
          await this.#cluster.api.post(jobsPath, someJob({ name, pools: pools(teachersPerJob) }));
          applied.set(name, Date.now());
        }
      }),
    );
    this.add(phase, 'the API server took all jobs, s', seconds(performance.now() - before.atMs));
    let fleets: Fleet[] = [];
    await until(
      'every Deployment to have its teachers ready',
      async () => {
        await sleep(2_000);
        fleets = await this.#fleets();
        this.#say(
          `${String(fleets.filter(({ wantedAtMs }) => wantedAtMs !== null).length)} wanted, ${String(fleets.filter(({ readyAtMs }) => readyAtMs !== null).length)} ready`,
        );
        return fleets.filter(({ readyAtMs }) => readyAtMs !== null).length === count;
      },
      () => '',
      hourMs,
    );
    await this.#quiet();
    watch.stop();
    const after = await this.#moment();
    const since = (at: (fleet: Fleet) => number | null): number[] =>
      fleets.map((fleet) => ((at(fleet) ?? Number.NaN) - (applied.get(fleet.job) ?? Number.NaN)) / 1_000);
    for (const [what, times] of [
      ['wanted replicas', since(({ wantedAtMs }) => wantedAtMs)],
      ['ready replicas', since(({ readyAtMs }) => readyAtMs)],
    ] as const) {
      const [p50, p99, all] = [quantile(times, 0.5), quantile(times, 0.99), Math.max(...times)];
      this.add(
        phase,
        `apply → ${what}, p50 / p99 / last, s`,
        [p50, p99, all].map((time) => String(round(time))).join(' / '),
      );
    }
    this.#usage(phase, before, after, watch);
    this.#requests(phase, before, after);
    this.#reconciles(phase, before, after);
  }

  async rest(minutes: number): Promise<void> {
    const phase = `at rest for ${String(minutes)} min`;
    const before = await this.#moment();
    const watch = new UsageWatch(this.#operator.process.pid);
    await sleep(minutes * 60_000);
    watch.stop();
    const after = await this.#moment();
    const writes = written.map(
      (resource) => [resource, after.server.writes({ resource }) - before.server.writes({ resource })] as const,
    );
    this.add(phase, 'writes that the API server counted, leases aside', sumOf(writes.map(([, count]) => count)));
    for (const [resource, count] of writes) if (count > 0) this.add(phase, `… of ${resource}`, count);
    const [first, second] = [
      watch.samples.slice(0, watch.samples.length / 2),
      watch.samples.slice(watch.samples.length / 2),
    ];
    for (const [half, samples] of [
      ['first', first],
      ['second', second],
    ] as const) {
      this.add(
        phase,
        `RSS, mean of the ${half} half, MiB`,
        round(sumOf(samples.map(({ rssMiB }) => rssMiB)) / samples.length),
      );
    }
    this.#usage(phase, before, after, watch);
    this.#requests(phase, before, after);
    this.#reconciles(phase, before, after);
  }

  /** Measures how soon a change reaches the Deployment while all other jobs exist. */
  async change(count: number): Promise<void> {
    const times: number[] = [];
    for (let index = 0; index < Math.min(changes, count); index++) {
      const name = `job-${String(index)}`;
      const startMs = performance.now();
      await this.#cluster.api.patch(`${jobsPath}/${name}`, { spec: { teacher: { pools: pools(teachersPerJob - 1) } } });
      await until(`${name} to have one teacher less`, async () => {
        const { spec } = await this.#cluster.api.get<Deployment>(`${deploymentsPath}/${name}-teacher-gpu`);
        return spec.replicas === teachersPerJob - 1;
      });
      times.push(performance.now() - startMs);
    }
    this.add(
      'one job changed',
      'change → its Deployment, p50 / last, ms',
      `${String(Math.round(quantile(times, 0.5)))} / ${String(Math.round(Math.max(...times)))}`,
    );
    await this.#quiet();
  }

  /** Measures the cost per second of a thousand jobs at work: telemetry, reconciles, progress. */
  async telemetry(nats: OperatorNats, minutes: number): Promise<void> {
    const phase = `all workers publish telemetry for ${String(minutes)} min`;
    const { connection } = await connectRoot(nats);
    const workers = new SimulatedWorkers(connection, await this.#jobsWithTeachers());
    workers.start();
    // Wait for the first reconcile of each job, which writes a lot: measure the steady state.
    await sleep(30_000);
    const [before, serverBefore, publishedBefore] = [
      await this.#moment(),
      await usageOf(nats.serverPid),
      workers.published,
    ];
    const watch = new UsageWatch(this.#operator.process.pid);
    await sleep(minutes * 60_000);
    watch.stop();
    const after = await this.#moment();
    const took = (after.atMs - before.atMs) / 1_000;
    const { items } = await this.#cluster.api.get<{ items: JobProgress[] }>(`${jobsPath}?resourceVersion=0`);
    workers.stop();
    await connection.close();
    const nowMs = Date.now();
    const ages = items.map(({ status }) => (nowMs - Date.parse(status?.usage?.accountedUntil ?? '')) / 1_000);
    this.add(phase, 'values published per second', Math.round((workers.published - publishedBefore) / took));
    this.add(
      phase,
      'age of a status, p50 / oldest, s',
      `${String(round(quantile(ages, 0.5)))} / ${String(round(Math.max(...ages)))}`,
    );
    const serverCpu = (await usageOf(nats.serverPid)).cpuSeconds - serverBefore.cpuSeconds;
    this.add(phase, 'CPU of nats-server, share of a core, %', round((100 * serverCpu) / took));
    this.#usage(phase, before, after, watch);
    this.#requests(phase, before, after);
    this.#reconciles(phase, before, after);
  }

  async #jobsWithTeachers(): Promise<SimulatedJob[]> {
    const selector = encodeURIComponent('app.kubernetes.io/component=teacher');
    const { items } = await this.#cluster.api.get<{
      items: { metadata: { name: string; labels: Readonly<Record<string, string>> } }[];
    }>(`/api/v1/namespaces/default/pods?labelSelector=${selector}&resourceVersion=0`);
    const teachers = Map.groupBy(items, ({ metadata }) => metadata.labels['distillery.dev/job-uid'] ?? '');
    return [...teachers].map(([uid, pods]) => ({ uid, teachers: pods.map(({ metadata }) => metadata.name) }));
  }

  async goAway(count: number): Promise<void> {
    const phase = 'all jobs deleted at once';
    const before = await this.#moment();
    const watch = new UsageWatch(this.#operator.process.pid);
    const next = Array.from({ length: count }, (_, index) => `job-${String(index)}`).values();
    await Promise.all(
      Array.from({ length: appliesAtOnce }, async () => {
        for (const name of next) await this.#cluster.api.delete(`${jobsPath}/${name}`);
      }),
    );
    await until(
      'every job to be gone',
      async () => {
        await sleep(2_000);
        return (await this.#cluster.api.get<{ items: unknown[] }>(`${jobsPath}?resourceVersion=0`)).items.length === 0;
      },
      () => '',
      hourMs,
    );
    this.add(phase, 'until the last is gone, its streams too, s', seconds(performance.now() - before.atMs));
    await this.#quiet();
    watch.stop();
    const after = await this.#moment();
    this.#usage(phase, before, after, watch);
    this.#requests(phase, before, after);
  }

  #usage(phase: string, before: Moment, after: Moment, watch: UsageWatch): void {
    const cpu = after.usage.cpuSeconds - before.usage.cpuSeconds;
    const share = (100 * cpu * 1_000) / (after.atMs - before.atMs);
    this.add(phase, 'CPU, s (share of a core)', `${String(round(cpu))} (${String(round(share))} %)`);
    this.add(
      phase,
      'RSS, peak / at the end, MiB',
      `${String(round(Math.max(...watch.samples.map(({ rssMiB }) => rssMiB))))} / ${String(round(after.usage.rssMiB))}`,
    );
    const heap = (moment: Moment): number => moment.operator.total('nodejs_heap_size_used_bytes') / 1_024 ** 2;
    this.add(phase, 'heap in use at the end, MiB', round(heap(after)));
  }

  #requests(phase: string, before: Moment, after: Moment): void {
    const name = 'distillery_api_requests_total';
    const took = (after.atMs - before.atMs) / 1_000;
    const [was, is] = [before.operator.by(name, 'verb'), after.operator.by(name, 'verb')];
    const counts = [...is]
      .map(([verb, count]) => [verb, count - (was.get(verb) ?? 0)] as const)
      .filter(([, count]) => count > 0);
    this.add(
      phase,
      'requests of the operator, by verb',
      counts.map(([verb, count]) => `${verb} ${String(count)}`).join(', ') || 'none',
    );
    this.add(phase, 'requests of the operator a second', round(sumOf(counts.map(([, count]) => count)) / took));
    const waited = 'distillery_api_throttled_seconds_total';
    this.add(
      phase,
      'waited for its own budget, s',
      round(after.operator.total(waited) - before.operator.total(waited)),
    );
  }

  #reconciles(phase: string, before: Moment, after: Moment): void {
    const reconciles =
      after.operator.total('distillery_reconciles_total') - before.operator.total('distillery_reconciles_total');
    const failed =
      after.operator.total('distillery_reconciles_total', { outcome: 'failed' }) -
      before.operator.total('distillery_reconciles_total', { outcome: 'failed' });
    this.add(phase, 'reconciles (failed)', `${String(reconciles)} (${String(failed)})`);
    this.#times(phase, 'reconcile', 'distillery_reconcile_duration_seconds', before, after);
    this.#times(phase, 'share over all jobs', 'distillery_share_duration_seconds', before, after);
  }

  #times(phase: string, what: string, name: string, before: Moment, after: Moment): void {
    const grown = (series: string): number =>
      after.operator.total(`${name}_${series}`) - before.operator.total(`${name}_${series}`);
    if (grown('count') === 0) return;
    const at = (share: number): string => String(after.operator.quantileSince(before.operator, name, share));
    this.add(phase, `time of a ${what}, p50 / p99 at most, s`, `${at(0.5)} / ${at(0.99)}`);
    this.add(phase, `time of a ${what}, mean, ms`, round((grown('sum') / grown('count')) * 1_000));
  }

  /** Waits until the operator has written nothing for some seconds. */
  async #quiet(): Promise<void> {
    const writes = async (): Promise<number> => {
      const by = new Reading((await this.#operator.ask('/metrics')).text).by('distillery_api_requests_total', 'verb');
      return sumOf([...by].filter(([verb]) => !['list', 'watch', 'get'].includes(verb)).map(([, count]) => count));
    };
    for (let quiet = 0, last = -1; quiet < 3;) {
      await sleep(2_000);
      const now = await writes();
      quiet = now === last ? quiet + 1 : 0;
      last = now;
    }
  }

  async #moment(): Promise<Moment> {
    const [usage, { text }, server] = await Promise.all([
      usageOf(this.#operator.process.pid),
      this.#operator.ask('/metrics'),
      this.#cluster.requestCounts(),
    ]);
    return { atMs: performance.now(), usage, operator: new Reading(text), server };
  }

  async #fleets(): Promise<Fleet[]> {
    const { items } = await this.#cluster.api.get<{ items: Deployment[] }>(`${deploymentsPath}?resourceVersion=0`);
    return items.map(fleetOf);
  }
}

const jobsPath = '/apis/distillery.dev/v1alpha1/namespaces/default/distilljobs';
const deploymentsPath = '/apis/apps/v1/namespaces/default/deployments';
const pools = (maxReplicas: number): object[] => [{ name: 'gpu', resource: 'nvidia.com/gpu', maxReplicas }];

interface JobProgress {
  readonly status?: { readonly usage?: { readonly accountedUntil?: string } };
}

interface Deployment {
  readonly metadata: {
    readonly labels: Readonly<Record<string, string>>;
    readonly managedFields: readonly {
      readonly manager: string;
      readonly subresource?: string;
      readonly time: string;
    }[];
  };
  readonly spec: { readonly replicas: number };
  readonly status: { readonly readyReplicas?: number };
}

/** Times of a change, in whole seconds, as Kubernetes writes them. */
interface Fleet {
  readonly job: string;
  /** When the operator wrote the expected number; null = not yet. */
  readonly wantedAtMs: number | null;
  /** When the last teacher became ready. */
  readonly readyAtMs: number | null;
}

function fleetOf({ metadata, spec, status }: Deployment): Fleet {
  const writtenAtMs = (by: string, subresource?: string): number =>
    Date.parse(
      metadata.managedFields.find((entry) => entry.manager === by && entry.subresource === subresource)?.time ?? '',
    );
  return {
    job: metadata.labels['distillery.dev/job'] ?? '',
    wantedAtMs: spec.replicas === teachersPerJob ? writtenAtMs('distillery') : null,
    readyAtMs: status.readyReplicas === teachersPerJob ? writtenAtMs('kube-controller-manager', 'status') : null,
  };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function seconds(ms: number): number {
  return round(ms / 1_000);
}
