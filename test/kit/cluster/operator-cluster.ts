/** A control plane with NATS, and helpers to inspect one job in it; the operator's suites share it. */

import type { DistillJobStatus } from '../../../src/api/index.js';
import type { StreamObservation } from '../../../src/domain/index.js';
import { operatorVariables } from '../../../src/operator/variables.js';
import {
  accountOfCreds,
  credsIssuer,
  connectStreams,
  NamespaceAccounts,
  SharedAccount,
  type StreamHome,
} from '../../../src/stream/index.js';
import { manyJobs, type OperatorNats, startOperatorNats, testLifetime } from '../nats-operator.js';

import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.js';
import { teacherPriorityClass } from './jobs.js';
import { distillJobCrd } from './paths.js';
import { until } from '../until.js';

export interface StoredJob {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly generation: number;
    readonly finalizers?: string[];
  };
  readonly status?: DistillJobStatus;
}

export interface SeenPod {
  readonly name: string;
  readonly phase: string;
  readonly terminating: boolean;
}

const jobsPath = (namespace: string): string => `/apis/distillery.dev/v1alpha1/namespaces/${namespace}/distilljobs`;
const ownedKinds = 'deployments,replicasets,jobs,pods,configmaps,secrets,serviceaccounts,networkpolicies';

export interface OperatorClusterOptions extends ControlPlaneOptions {
  /** Port of NATS monitoring, with streams and consumers; absent = none. */
  readonly natsMonitoringPort?: number;
  /** Mode of the NATS accounts; absent = one account per namespace. */
  readonly natsMode?: OperatorNats['mode'];
}

export class OperatorCluster {
  private constructor(
    readonly cluster: ControlPlane,
    readonly nats: OperatorNats,
    readonly home: StreamHome,
  ) {}

  /** With CRD and PriorityClass, and without nodes and operator. */
  static async create(options: OperatorClusterOptions = {}): Promise<OperatorCluster> {
    const { natsMonitoringPort = null, natsMode = 'accounts', ...controlPlane } = options;
    return OperatorCluster.around(
      ...(await Promise.all([
        startControlPlane({ crds: [distillJobCrd], ...controlPlane }),
        startOperatorNats({ limits: manyJobs, monitoringPort: natsMonitoringPort, mode: natsMode }),
      ])),
    );
  }

  /** The same on a running cluster. */
  static async around(cluster: ControlPlane, nats: OperatorNats): Promise<OperatorCluster> {
    await cluster.installCrd(distillJobCrd);
    await cluster.apply(teacherPriorityClass);
    return new OperatorCluster(cluster, nats, await homeOf(nats));
  }

  async close(): Promise<void> {
    await this.home.close();
    await this.cluster.stop();
    await this.nats.stop();
  }

  /** A job's streams, observed independently of the operator; waits while NATS is down. */
  async streams(uid: string, namespace = 'default'): Promise<StreamObservation> {
    let seen: StreamObservation = { state: 'Unreachable', reason: 'not asked yet' };
    await until('NATS to answer', async () => {
      seen = await (await this.home.adminOf(namespace)).observe(uid);
      return seen.state !== 'Unreachable';
    });
    return seen;
  }

  /**
   * Waits until a job has its streams. A client that connects before its account is known waits without end, since the server
   * asks for the account only once.
   */
  async provisioned(uid: string, namespace = 'default'): Promise<void> {
    await until('the streams of the job', async () => {
      const seen = await this.streams(uid, namespace);
      return seen.state === 'Present' && seen.missing.length === 0;
    });
  }

  /** null when there is none. */
  async job(name: string, namespace = 'default'): Promise<StoredJob | null> {
    const { status, text } = await this.cluster.api.send('GET', `${jobsPath(namespace)}/${name}`);
    return status === 404 ? null : (JSON.parse(text) as StoredJob);
  }

  async uidOf(name: string, namespace = 'default'): Promise<string> {
    const found = await this.job(name, namespace);
    if (found === null) throw new Error(`DistillJob ${namespace}/${name}: found none`);
    return found.metadata.uid;
  }

  /** `True Valid`; empty when there is no such condition. */
  async condition(name: string, type: string, namespace = 'default'): Promise<string> {
    const conditions = (await this.job(name, namespace))?.status?.conditions;
    const found = conditions?.find((condition) => condition.type === type);
    return found === undefined ? '' : `${found.status} ${found.reason}`;
  }

  async message(name: string, type: string, namespace = 'default'): Promise<string> {
    const conditions = (await this.job(name, namespace))?.status?.conditions;
    return conditions?.find((condition) => condition.type === type)?.message ?? '';
  }

  /** All objects with the job's label, as KIND/NAME. */
  async owned(uid: string): Promise<string[]> {
    const found = await this.cluster.kubectlOk([
      'get',
      ownedKinds,
      '-A',
      '-l',
      `distillery.dev/job-uid=${uid}`,
      '-o',
      'name',
    ]);
    return found.split('\n').filter((line) => line !== '');
  }

  async pods(uid: string, component: 'teacher' | 'student', namespace = 'default'): Promise<SeenPod[]> {
    const selector = encodeURIComponent(`distillery.dev/job-uid=${uid},app.kubernetes.io/component=${component}`);
    const { items } = await this.cluster.api.get<{
      items: { metadata: { name: string; deletionTimestamp?: string }; status: { phase: string } }[];
    }>(`/api/v1/namespaces/${namespace}/pods?labelSelector=${selector}`);
    return items.map(({ metadata, status }) => ({
      name: metadata.name,
      phase: status.phase,
      terminating: metadata.deletionTimestamp !== undefined,
    }));
  }

  async running(uid: string, component: 'teacher' | 'student', namespace = 'default'): Promise<SeenPod[]> {
    const pods = await this.pods(uid, component, namespace);
    return pods.filter(({ phase, terminating }) => phase === 'Running' && !terminating);
  }

  /** Writes of the operators so far, without leases, from the audit log of the API server, which must be on. */
  async operatorWrites(): Promise<number> {
    const reads = ['get', 'list', 'watch'];
    return (await this.cluster.audit.events()).filter(
      ({ userAgent, verb, objectRef }) =>
        userAgent === 'distillery-operator' && !reads.includes(verb) && objectRef?.resource !== 'leases',
    ).length;
  }
}

/** The operator's own code for the same accounts. It closes none, and reopens those that the operator has closed. */
async function homeOf(nats: OperatorNats): Promise<StreamHome> {
  const { url, operatorCreds: creds, accountSigningSeed: signingSeed, accounts } = nats;
  if (nats.mode === 'signed') {
    const admin = await connectStreams({ url, creds, waitMs: 5_000 });
    const account = accountOfCreds(creds);
    return new SharedAccount(admin, credsIssuer({ url, signingSeed, account, lifetime: testLifetime }));
  }
  return new NamespaceAccounts({
    url,
    workerUrl: url,
    systemCreds: () => accounts.systemCreds,
    keys: { signingSeed: accounts.operatorSigningSeed, accountsSeed: accounts.operatorSigningSeed },
    limitsOf: () =>
      operatorVariables.DISTILLERY_NATS_ACCOUNT_LIMITS.schema.parse(
        operatorVariables.DISTILLERY_NATS_ACCOUNT_LIMITS.fallback,
      ),
    credentialSeconds: testLifetime.seconds,
    nowMs: testLifetime.nowMs,
    mayAct: () => true,
    hasJobs: () => true,
    onChange: () => undefined,
    onStatus: () => undefined,
  });
}
