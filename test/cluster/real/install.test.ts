/**
 * Install, watch, trust, by the commands of the chart's README on an empty cluster: the release brings the CRD, NATS with its keys, and
 * the operator. A real Prometheus watches it while a job trains and things are killed, a job does not notice an upgrade, and
 * after the removal nothing is left but what the README names.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { exitCodes } from '../../../src/cli/shared/exit.js';
import { hasData, queriesOf, readDashboards } from '../../kit/cluster/dashboards.js';
import { until } from '../../kit/cluster/index.js';
import { type MonitoringPrometheus, serveMonitors, startMonitoring } from '../../kit/cluster/monitors.js';
import { untilFiring, untilQuiet } from '../../kit/cluster/prometheus.js';
import { realPodsAvailable } from '../../kit/cluster/real/index.js';
import { mnistJob, smallPod, ofServer, ReleaseCluster, system } from '../../kit/cluster/real/release.js';
import { KubectlDistill, pluginPath } from '../../kit/kubectl-distill.js';

const available = await realPodsAvailable();
if (!available.ok) process.stderr.write(`real pods: left out: ${available.why}\n`);
const real = available.ok ? describe : describe.skip;

const queries = queriesOf(await readDashboards());
const upgrade = 'helm upgrade distillery charts/distillery -n distillery-system --reset-then-reuse-values';

real('a release on an empty cluster', () => {
  let release: ReleaseCluster;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'distillery-install-'));
    release = await ReleaseCluster.create();
    await serveMonitors(release.cluster);
  });
  afterAll(async () => {
    await release.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const kubectl = (...args: string[]): Promise<string> => release.cluster.kubectlOk(args);
  const step = async (job: string): Promise<number> => (await release.status(job))?.progress?.step ?? 0;
  const messageOf = async (job: string, type: string): Promise<string> =>
    (await release.status(job))?.conditions?.find((one) => one.type === type)?.message ?? '';
  const trains = async (job: string): Promise<void> => {
    const before = await step(job);
    await until(
      `${job} to train beyond step ${String(before)}`,
      async () => (await step(job)) > before,
      async () => JSON.stringify(await release.status(job), null, 1),
    );
  };

  test('is one command, after which everything is ready', async () => {
    await release.run(
      'helm install distillery charts/distillery -n distillery-system --create-namespace --set nats.enabled=true',
      release.values,
    );
    const tested = await release.run('helm test distillery');
    expect(tested).toMatch(/Phase: +Succeeded/);
    expect(tested).toContain('The operator is ready.');
    expect(tested).toContain('[+] nats');
    // The jobs of hooks are gone, and the pod of the test.
    expect((await kubectl('-n', system, 'get', 'job,role', '-o', 'name')).trim()).toBe(
      'role.rbac.authorization.k8s.io/distillery',
    );
  });

  describe('while a job trains', () => {
    const job = { namespace: 'default', name: 'long' };
    let prometheus: MonitoringPrometheus;
    let student: string | undefined;
    let checkpoints: string;

    beforeAll(async () => {
      // Two jobs at a time reserve nine tenths of this storage, and one leaves room for another.
      const storage = { 'nats.accounts.namespaces.default.storage': '2600Mi' };
      await release.run(`${upgrade} --set monitoring.podMonitor.enabled=true`, storage);
      prometheus = await startMonitoring(release.cluster, system);
      // A small disk, in the mount namespace of the node: it goes with the node.
      checkpoints = join(release.folder, 'out/checkpoints');
      mkdirSync(checkpoints);
      const options = 'size=4m,uid=10001,gid=10001,mode=0755';
      await release.cluster.nodes[0]!.run('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', checkpoints);
      await release.cluster.apply(
        mnistJob('long', {
          // It does not end by itself, and leaves the machine to what is tested beside it.
          epochs: 10_000,
          container: { resources: { ...smallPod, limits: { ...smallPod.limits, cpu: '250m' } } },
          student: { checkpoint: { everySteps: 20, store: 'pvc://out/checkpoints' } },
        }),
      );
      await trains('long');
      [student] = await release.pods('long', 'student');
    });
    afterAll(async () => {
      await prometheus.stop();
    });

    const distill = (...args: string[]): KubectlDistill =>
      new KubectlDistill(args, { path, kubeconfig: release.cluster.kubeconfig });
    let path = '';
    beforeAll(() => {
      path = pluginPath(folder);
    });

    test('`kubectl distill logs` prints what the kubelet kept of student and teachers, merged by its times', async () => {
      const command = distill('logs', 'long');
      expect([await command.ended(), command.errors]).toEqual([exitCodes.ok, '']);
      const pods = new Set(command.lines.map(podOf));
      expect(pods.size).toBeGreaterThan(1);
      const kept = await Promise.all(
        [...pods].map(async (pod) => {
          const printed = command.lines.filter((line) => podOf(line) === pod).length;
          return (await timedLog(pod)).slice(0, printed);
        }),
      );
      const merged = kept.flat().toSorted((a, b) => (a.time < b.time ? -1 : 1));
      expect(command.lines).toEqual(merged.map(({ pod, text }) => `${pod}  ${text}`));

      await until('a second line of the student', async () => (await timedLog(student!)).length > 1);
      const last = distill('logs', 'long', '--role', 'student', '--tail', '2');
      expect([await last.ended(), last.lines.map(podOf)]).toEqual([exitCodes.ok, [student, student]]);
    });

    test('`kubectl distill logs -f` goes on with a teacher that takes the place of a deleted one', async () => {
      const command = distill('logs', 'long', '-f', '--tail', '1');
      await until('the first lines', () => new Set(command.lines.map(podOf)).size > 1);
      const before = await release.pods('long', 'teacher');
      await kubectl('delete', 'pod', ...before, '--wait=false');
      const isNew = (line: string): boolean => podOf(line).includes('-teacher-') && !before.includes(podOf(line));
      await until(
        'a line of a new teacher',
        () => command.lines.some(isNew),
        () => command.lines.slice(-20).join('\n') + command.errors,
      );
      expect([await command.interrupted(), command.errors]).toEqual([exitCodes.interrupted, '']);
    });

    async function timedLog(pod: string): Promise<{ pod: string; time: string; text: string }[]> {
      const path = `/api/v1/namespaces/default/pods/${pod}/log?container=worker&timestamps=true`;
      const { text: log } = await release.cluster.api.send('GET', path);
      return log
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => {
          const [time = ''] = line.split(' ', 1);
          const [seconds = '', fraction = ''] = time.replace('Z', '').split('.');
          return { pod, time: `${seconds}.${fraction.padEnd(9, '0')}`, text: line.slice(time.length + 1) };
        });
    }

    describe('the query of', () => {
      test.each(queries)('$dashboard / $panel returns data: $expr', async (query) => {
        await hasData(prometheus, query, job);
      });
    });

    test('an alert fires when its node takes no teachers, and ends when it does', async () => {
      await kubectl('cordon', 'node-1');
      await kubectl(
        'delete',
        'pod',
        '-l',
        'distillery.dev/job=long,app.kubernetes.io/component=teacher',
        '--wait=false',
      );
      await untilFiring(prometheus, 'DistilleryNoTeachers', job);
      await untilFiring(prometheus, 'DistilleryStudentStarving', job);
      await kubectl('uncordon', 'node-1');
      await untilQuiet(prometheus, 'DistilleryNoTeachers');
      await untilQuiet(prometheus, 'DistilleryStudentStarving');
    });

    test('an alert fires when the disk of its checkpoints is full', async () => {
      const filler = join(checkpoints, 'filler');
      const [node] = release.cluster.nodes;
      // Again and again: an older checkpoint that the student deletes just after leaves room for the next one.
      await until('a checkpoint that finds no room', async () => {
        // It ends with an error: no space left.
        await node!.run('sh', '-c', `cat /dev/zero >> ${filler} 2> /dev/null || true`);
        return (await messageOf('long', 'StudentRunning')).includes('cannot be stored');
      });
      await untilFiring(prometheus, 'DistilleryCheckpointLate', job);
      await node!.run('rm', filler);
      await untilQuiet(prometheus, 'DistilleryCheckpointLate');
    });

    test('an alert fires when the NATS server is gone', async () => {
      await kubectl('-n', system, 'scale', 'statefulset', 'distillery-nats', '--replicas=0');
      await untilFiring(prometheus, 'DistilleryNatsUnreachable');
      await kubectl('-n', system, 'scale', 'statefulset', 'distillery-nats', '--replicas=1');
      await untilQuiet(prometheus, 'DistilleryNatsUnreachable');
    });

    test('an alert fires when all operators are gone', async () => {
      await kubectl('-n', system, 'scale', 'deployment', 'distillery', '--replicas=0');
      await untilFiring(prometheus, 'DistilleryNoLeader');
      await kubectl('-n', system, 'scale', 'deployment', 'distillery', '--replicas=2');
      await untilQuiet(prometheus, 'DistilleryNoLeader');
    });

    test('an alert fires when the operator may not write the status of jobs', async () => {
      const role = ['clusterrole', 'distillery-system-distillery'];
      const { rules } = JSON.parse(await kubectl('get', ...role, '-o', 'json')) as { rules: { resources: string[] }[] };
      const allow = async (kept: typeof rules): Promise<void> => {
        await kubectl('patch', ...role, '--type=merge', '-p', JSON.stringify({ rules: kept }));
      };
      await allow(rules.filter(({ resources }) => !resources.includes('distilljobs/status')));
      await untilFiring(prometheus, 'DistilleryReconcilesFailing');
      await allow(rules);
      await trains('long');
    });

    test('alerts fire when the student of another job fails until the job does', async () => {
      const env = [
        { name: 'NODE_OPTIONS', value: '--import=data:text/javascript,throw%20new%20Error(%22no%20luck%20today%22)' },
      ];
      const options = { epochs: 1, container: { env }, spec: { backoffLimit: 1, suspend: true } };
      await release.cluster.apply(mnistJob('faulty', options));
      await until(
        'a scrape of it',
        async () => (await prometheus.query('distillery_job_failures_total{name="faulty"}')).length === 1,
      );
      await kubectl('patch', 'distilljob', 'faulty', '--type=merge', '-p', '{"spec":{"suspend":false}}');
      const faulty = { namespace: 'default', name: 'faulty' };
      await untilFiring(prometheus, 'DistilleryStudentFailing', faulty);
      await untilFiring(prometheus, 'DistilleryJobFailed', faulty);
      // The streams of both jobs.
      await untilFiring(prometheus, 'DistilleryNatsStorageNearFull', { account: 'default' });
      await kubectl('delete', 'distilljob', 'faulty', '--timeout=120s');
    });

    test('the job goes on after all of this, with the student of its first hour', async () => {
      await trains('long');
      expect(await release.pods('long', 'student')).toEqual([student]);
      expect(await release.status('long')).toMatchObject({ failures: 0, disruptions: { student: 0 } });
      await kubectl('delete', 'distilljob', 'long', '--timeout=120s');
    });
  });

  test('is upgraded by one command, which a job does not notice', async () => {
    await release.cluster.apply(mnistJob('mnist', { epochs: 4 }));
    await trains('mnist');
    const uids = async (): Promise<string[]> =>
      Promise.all(
        [
          ['job', '-l', 'distillery.dev/job=mnist,app.kubernetes.io/component=student'],
          ['-n', system, 'pod', '-l', ofServer],
          ['-n', system, 'secret', '-l', ofServer],
        ].map((of) => kubectl('get', ...of, '-o', 'jsonpath={.items[*].metadata.uid}')),
      );
    const before = await uids();
    expect(before).not.toContain('');
    await release.run(upgrade, { logLevel: 'debug' });
    expect(await uids()).toEqual(before);
    await until(
      'the job to complete',
      async () => (await release.status('mnist'))?.phase === 'Succeeded',
      async () => JSON.stringify(await release.status('mnist'), null, 1),
    );
  });

  test('is removed by the commands of the README, and leaves nothing but the CRD', async () => {
    await release.run('kubectl delete distilljobs');
    await release.run('helm uninstall');
    const all =
      'deployments,statefulsets,jobs,pods,services,secrets,configmaps,pvc,roles,rolebindings,leases,networkpolicies,' +
      'podmonitors,prometheusrules';
    const left = async (): Promise<string[]> =>
      (await kubectl('-n', system, 'get', all, '-o', 'name'))
        .split('\n')
        .filter((name) => name !== '' && name !== 'configmap/kube-root-ca.crt');
    // helm does not wait for pods of a Deployment.
    await until('the pods to end', async () => !(await left()).some((name) => name.startsWith('pod/')));
    expect(await left()).toEqual(['secret/distillery-nats-keys', 'persistentvolumeclaim/data-distillery-nats-0']);
    await release.run('kubectl -n distillery-system delete pvc,secret');
    expect(await left()).toEqual([]);
    const kinds =
      'clusterroles,clusterrolebindings,crd,priorityclasses,validatingadmissionpolicies,validatingadmissionpolicybindings';
    const ours = async (): Promise<string[]> =>
      (await kubectl('get', kinds, '-o', 'name')).split('\n').filter((name) => name.includes('distill'));
    expect(await ours()).toEqual(['customresourcedefinition.apiextensions.k8s.io/distilljobs.distillery.dev']);
    await release.run('kubectl delete crd');
    expect(await ours()).toEqual([]);
  });
});

/** The pod that a line of `distill logs` is of. */
const podOf = (line: string): string => line.split('  ', 1)[0] ?? '';
