/**
 * Reaction time to a starving student: from its telemetry in the stream to the larger Deployment at the API server, with a
 * real control plane, real streams, and the operator as its own process.
 *
 *   npm run bench starving -- --jobs 40
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { someJob } from '../kit/cluster/jobs.js';
import { startOperator } from '../kit/cluster/operator.js';
import { TelemetryPublisher } from '../kit/cluster/telemetry-publisher.js';
import { OperatorCluster } from '../kit/cluster/operator-cluster.js';

import { type BenchOptions, type BenchTable, quantile } from './table.js';

const before = 4;
const after = 12;
const nodes = 4;
const gpusPerNode = 8;
const pollEveryMs = 5;
const limitMs = 30_000;
const pools = [{ name: 'gpu', resource: 'nvidia.com/gpu', maxReplicas: 32 }];

export async function starvingStudentBench(say: (line: string) => void, options: BenchOptions): Promise<BenchTable> {
  const count = Number(options.jobs ?? 40);
  const world = await OperatorCluster.create();
  try {
    await world.cluster.addNodes(nodes, { gpus: gpusPerNode });
    await startOperator(world.cluster, { nats: world.nats });
    const telemetry = TelemetryPublisher.start(world);
    const waits: number[] = [];
    for (let index = 0; index < count; index++) {
      waits.push(await answered(world, telemetry, `starving-${String(index)}`));
      if ((index + 1) % 10 === 0) say(`${String(index + 1)} of ${String(count)} students were answered`);
    }
    await telemetry.stop();
    const ms = (value: number): number => Math.round(value);
    return {
      name: 'starving',
      goal: 'a starving student has a larger Deployment in under 1 s',
      rows: [
        {
          'from → to teachers': `${String(before)} → ${String(after)}`,
          students: count,
          'median ms': ms(quantile(waits, 0.5)),
          'p99 ms': ms(quantile(waits, 0.99)),
          'worst ms': ms(Math.max(...waits)),
        },
      ],
    };
  } finally {
    await world.close();
  }
}

/** @returns milliseconds from the student's telemetry to the larger Deployment */
async function answered(world: OperatorCluster, telemetry: TelemetryPublisher, name: string): Promise<number> {
  await world.cluster.apply(someJob({ name, pools }));
  const uid = await world.uidOf(name);
  await reached(world, name, before);
  telemetry.needs(uid, before);
  await seen(world, uid, before);
  // Wait until all rates are known and the minimum time between two reconciles of the job has passed.
  await sleep(1_500);
  const startMs = performance.now();
  telemetry.needs(uid, after);
  await telemetry.tell(uid, after);
  await reached(world, name, after);
  const waitedMs = performance.now() - startMs;
  await world.cluster.kubectlOk(['delete', 'distilljob', name, '--timeout=60s']);
  return waitedMs;
}

async function seen(world: OperatorCluster, uid: string, teachers: number): Promise<void> {
  await holding(`${String(teachers)} teachers`, async () => (await world.running(uid, 'teacher')).length === teachers);
}

async function reached(world: OperatorCluster, job: string, replicas: number): Promise<void> {
  const path = `/apis/apps/v1/namespaces/default/deployments/${job}-teacher-gpu`;
  await holding(`a Deployment of ${String(replicas)}`, async () => {
    const { status, text } = await world.cluster.api.send('GET', path);
    return status === 200 && (JSON.parse(text) as { spec: { replicas: number } }).spec.replicas >= replicas;
  });
}

async function holding(what: string, holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not within ${String(limitMs / 1_000)} s: ${what}`);
    await sleep(pollEveryMs);
  }
}
