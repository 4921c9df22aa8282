/**
 * The chart, rendered by the real helm and judged by the real API server. golden/ holds every rendering, word for word; after an
 * intended change run with UPDATE_GOLDEN=1 and read the diff.
 */
import { readFileSync, writeFileSync } from 'node:fs';

import { version } from '@distillery/base';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';

import { kinds, leaseName, leasesAt } from '../../../src/cluster/kubernetes/index.js';
import { readConfiguration } from '../../../src/operator/configuration.js';
import { operatorVariables, type Variable, type VariableName } from '../../../src/operator/variables.js';
import { clientOf } from '../../kit/api-client.js';
import { type ControlPlane, startControlPlane } from '../../kit/cluster/index.js';
import { chartFolder, helm, sets } from '../../kit/cluster/helm.js';

const namespace = 'distillery-system';
const minimal = { 'nats.url': 'nats://nats.nats:4222', 'nats.existingSecret': 'distillery-nats' };
const byPassword = {
  ...minimal,
  'nats.auth': 'password',
  'nats.password.operatorUser': 'operator',
  'nats.password.workerUser': 'worker',
};
const signed = { ...minimal, 'nats.auth': 'signed' };
/** Everything that a person may choose, chosen. */
const full = {
  ...minimal,
  'nats.url': 'tls://nats.nats:4222',
  'nats.workerUrl': 'tls://nats.nats.svc:4222',
  'nats.tls.ca': 'true',
  'nats.tls.clientCertificates': 'true',
  'templates.images[0]': 'registry.example/ml/*',
  'nats.accounts.separateSeed': 'true',
  'nats.accounts.limits.storage': '100Gi',
  'nats.accounts.namespaces.team-a.storage': '1Ti',
  'nats.accounts.namespaces.team-a.streams': '2000',
  'nats.accounts.namespaces.team-b.storage': '10Gi',
  'imagePullSecrets[0].name': 'registry',
  'image.tag': 'v1',
  'watchNamespaces[0]': 'team-a',
  'watchNamespaces[1]': 'team-b',
  'worker.gpu.repository': 'registry.example/worker-gpu',
  'worker.gpu.tag': 'v9',
  'worker.studentGpu.repository': 'registry.example/student-gpu',
  'worker.studentGpu.tag': 'v8',
  'accelerators[0]': 'example.com/*',
  'namespaceWeights.team-a': '3',
  'limits.weight': '10',
  'limits.minReplicas': '0',
  'limits.logitsMaxBytes': '10Gi',
  'limits.ttlSecondsAfterFinished': '1000000',
  'limits.namespaces.team-a.weight': '100',
  'limits.namespaces.team-b.ttlSecondsAfterFinished': '2147483647',
  'config.reconcile.maxPerSecond': '400',
  'config.streams.orphanSeconds': '2592000',
  'tracing.endpoint': 'http://otel-collector.observability.svc:4318',
  'tracing.ratio': '0.05',
  priorityClassName: 'system-cluster-critical',
  'nodeSelector.disk': 'ssd',
  'tolerations[0].operator': 'Exists',
  'podAnnotations.team': 'ml',
  'serviceAccount.annotations.team': 'ml',
  'networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.team': 'monitoring',
};
/** One command on an empty cluster. */
const bundled = { 'nats.enabled': 'true' };
/** The same in one namespace, with everything about the server chosen. */
const namespaced = {
  ...bundled,
  'watchNamespaces[0]': 'team-a',
  replicas: '1',
  'imagePullSecrets[0].name': 'registry',
  'nats.image.repository': 'registry.example/nats',
  'nats.storage.size': '1.5Ti',
  'nats.storage.className': 'fast',
  'nats.storage.syncInterval': 'always',
  'nats.resources.limits.memory': '4G',
  'nats.priorityClassName': 'system-cluster-critical',
  'nats.nodeSelector.disk': 'ssd',
  'nats.tolerations[0].operator': 'Exists',
  'networkPolicy.natsFrom[0].namespaceSelector.matchLabels.team': 'platform',
};
/** Nothing that may be left out, and servers of several ports. */
const bare = {
  ...minimal,
  'nats.url': String.raw`tls://a.example\,tls://b.example:4333\,tls://c.example:4333`,
  'crds.install': 'false',
  'admissionPolicy.create': 'false',
  'teacherPriorityClass.create': 'false',
  'podDisruptionBudget.enabled': 'false',
  'networkPolicy.enabled': 'false',
};

interface Rule {
  readonly apiGroups: string[];
  readonly resources: string[];
  readonly verbs: string[];
}
interface Env {
  readonly name: string;
  readonly value?: string;
}
interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: Rule[];
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly template?: PodTemplate;
  };
}
interface PodTemplate {
  readonly metadata: object;
  readonly spec: { readonly containers: [{ readonly env: Env[]; readonly volumeMounts?: unknown }] };
}

let cluster: ControlPlane;

beforeAll(async () => {
  cluster = await startControlPlane();
  for (const name of [namespace, 'team-a', 'team-b', 'second']) {
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  }
});
afterAll(async () => {
  await cluster.stop();
});

async function textOf(values: Record<string, string>): Promise<string> {
  return helm(['template', 'distillery', chartFolder, '-n', namespace, ...sets(values)]);
}

async function render(values: Record<string, string>): Promise<Rendered[]> {
  return parseAllDocuments(await textOf(values)).flatMap((document) => {
    const object = document.toJS() as Rendered | null;
    return object === null ? [] : [object];
  });
}

async function refusal(values: Record<string, string>): Promise<string> {
  return render(values).then(() => 'rendered', String);
}

const variants = { minimal, signed, byPassword, full, bundled, namespaced, bare };

describe.each(Object.entries(variants))('the chart with %s values', (name, values) => {
  test('is clean to helm lint', async () => {
    expect(await helm(['lint', '--strict', chartFolder, ...sets(values)])).toContain('0 chart(s) failed');
  });

  test('holds objects that the API server takes, to the last field', async () => {
    const objects = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: await render(values) });
    await cluster.kubectlOk(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], objects);
  });

  test('renders as golden/ says', async () => {
    const golden = new URL(`golden/${name}.yaml`, import.meta.url);
    // The CRD is generated from a file that its own tests check.
    const text = (await textOf({ ...values, 'crds.install': 'false' })).replaceAll(version, 'VERSION');
    if (process.env.UPDATE_GOLDEN !== undefined) writeFileSync(golden, text);
    expect(text).toBe(readFileSync(golden, 'utf8'));
  });

  test('makes pods that the restricted Pod Security Standard admits', async () => {
    const pods = (await render(values)).flatMap(({ kind, metadata, spec }): { metadata: object; spec: object }[] => {
      if (kind === 'Pod') return [{ metadata, spec: spec ?? {} }];
      return spec?.template === undefined ? [] : [spec.template];
    });
    expect(pods.length).toBe('nats.enabled' in values ? 4 : 2);
    for (const { metadata, spec } of pods) {
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'judged', namespace }, spec };
      // The ServiceAccount is not there, since nothing was installed; a StatefulSet adds the volume of a claim.
      const { volumes = [] } = spec as { readonly volumes?: object[] };
      const claimed = { name: 'data', persistentVolumeClaim: { claimName: 'data' } };
      const judged = { ...pod, spec: { ...spec, serviceAccountName: 'default', volumes: [...volumes, claimed] } };
      await cluster.kubectlOk(['create', '--dry-run=server', '-f', '-'], JSON.stringify(judged));
    }
  });

  test('gives no right by a wildcard, and none to read what is secret', async () => {
    const rules = (await render(values)).flatMap((object) => object.rules ?? []);
    expect(rules.length).toBeGreaterThan(5);
    for (const { apiGroups, resources, verbs } of rules) {
      expect([...apiGroups, ...resources, ...verbs].join()).not.toContain('*');
      if (resources.some((resource) => /secrets|configmaps/.test(resource))) {
        // A patch would be answered with all of it.
        expect([['create', 'update'], ['create']]).toContainEqual(verbs);
      }
    }
  });

  test('gives the operator variables that it knows, and values that it takes', async () => {
    for (const { name, value } of await environmentOf(values)) {
      expect(Object.keys(operatorVariables)).toContain(name);
      const { schema, fallback } = operatorVariables[name as VariableName] as Variable<unknown>;
      if (value !== undefined && value !== '') expect([name, schema.safeParse(value).success]).toEqual([name, true]);
      else if (value === '') expect(fallback).not.toBeNull();
    }
  });
});

async function environmentOf(values: Record<string, string>): Promise<Env[]> {
  const [deployment] = (await render(values)).filter(({ kind }) => kind === 'Deployment');
  return deployment!.spec!.template!.spec.containers[0].env;
}

describe('the chart', () => {
  test('sets every variable that the operator knows, but for the kubeconfig of those outside', async () => {
    const environments = await Promise.all([full, signed, byPassword].map((values) => environmentOf(values)));
    const all = environments.flat().map(({ name }) => name);
    const known = Object.keys(operatorVariables).filter((name) => name !== 'DISTILLERY_KUBECONFIG');
    expect([...new Set(all)].sort()).toEqual(known.sort());
  });

  test('names an image of its own for pods with an accelerator only where one is set', async () => {
    const imageOf = async (values: Record<string, string>, role: string): Promise<unknown> =>
      (await environmentOf(values)).find(({ name }) => name === `DISTILLERY_${role}_GPU_IMAGE`)?.value;
    expect(await imageOf(full, 'WORKER')).toBe('registry.example/worker-gpu:v9');
    expect(await imageOf(full, 'STUDENT')).toBe('registry.example/student-gpu:v8');
    expect(await imageOf(minimal, 'WORKER')).toBe('');
    expect(await imageOf(minimal, 'STUDENT')).toBe('');
  });

  test('gives each namespace its limits, by the words that the operator knows', async () => {
    const values = Object.fromEntries((await environmentOf(full)).map(({ name, value }) => [name, value]));
    expect(values.DISTILLERY_NATS_ACCOUNT_LIMITS).toBe('connections=5000,consumers=1000,storage=100Gi,streams=1000');
    expect(values.DISTILLERY_NATS_NAMESPACE_LIMITS).toBe('team-a:storage=1Ti,streams=2000;team-b:storage=10Gi');
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ['accounts', minimal, /one NATS account per namespace.*No storage limit is set/s],
    ['accounts with limits', full, /^(?!.*No storage limit).*one NATS account per namespace/s],
    ['one account', signed, /none between the namespaces of this release.*set nats\.auth=accounts/s],
    ['passwords', byPassword, /Isolation: none\. The workers of all jobs share one NATS user/],
    ['a server of the release', bundled, /notes-distillery-nats: a NATS server with a volume of 50Gi\./],
  ])('says after an installation how far apart namespaces are with %s', async (_, values, notes) => {
    const args = ['install', 'notes', chartFolder, '-n', namespace, '--dry-run=client', ...sets(values)];
    const said = await helm(args);
    expect(said).toMatch(notes);
    expect(said.trimEnd().split('\n').at(-1)).toBe(`  helm test notes -n ${namespace}`);
  });

  test('has notes whose commands a shell can run, and which delete no job of another release', async () => {
    const notesOf = async (values: Record<string, string>): Promise<string> =>
      helm(['install', 'distillery', chartFolder, '-n', namespace, '--dry-run=client', ...sets(values)]);
    expect(await notesOf(minimal)).toContain("--set 'watchNamespaces={team-a,team-b}'");
    const deletions = (await notesOf(namespaced)).match(/kubectl delete distilljobs .*/g);
    expect(deletions).toEqual(['kubectl delete distilljobs --all -n team-a']);
  });

  test('is of the version of the package', async () => {
    const about = await helm(['show', 'chart', chartFolder]);
    expect(about).toContain(`\nappVersion: ${version}\n`);
    expect(about).toContain(`\nversion: ${version}`);
  });

  test('holds the one CRD, which helm never deletes', async () => {
    const crds = (await render(minimal)).filter(({ kind }) => kind === 'CustomResourceDefinition');
    const name = `${kinds.distillJobs.plural}.${kinds.distillJobs.group}`;
    expect(crds).toMatchObject([{ metadata: { name, annotations: { 'helm.sh/resource-policy': 'keep' } } }]);
  });

  test('keeps the seeds of its NATS server from the server, and the first of them from the operator', async () => {
    const text = JSON.stringify(
      (await render(bundled)).filter(({ kind }) => ['StatefulSet', 'Deployment'].includes(kind)),
    );
    expect(text.match(/"key":"[a-z.-]+"/g)).toEqual([
      '"key":"operator-signing.seed"',
      '"key":"system.creds"',
      '"key":"server.conf"',
    ]);
  });

  test.each([
    ['2Gi', '50Gi', 'GOMEMLIMIT":"1932735283B', 'max_file_store: 48318382080\\n', 'max_memory_store: 536870912\\n'],
    ['4G', '1.5Ti', 'GOMEMLIMIT":"3600000000B', 'max_file_store: 1484340697497\\n', 'max_memory_store: 1000000000\\n'],
  ])('sizes its NATS server by a limit of %s and a volume of %s', async (memory, size, ...wanted) => {
    const values = { ...bundled, 'nats.resources.limits.memory': memory, 'nats.storage.size': size };
    const sized = (await render(values)).filter(({ kind }) => ['ConfigMap', 'StatefulSet'].includes(kind));
    const text = JSON.stringify(sized).replaceAll('","value"', '"');
    for (const part of wanted) expect(text).toContain(part);
  });

  test('ships the lease vacant, under the name that the operator uses', async () => {
    const [lease] = (await render(minimal)).filter(({ kind }) => kind === 'Lease');
    expect(lease?.metadata).toMatchObject({ name: leaseName, namespace });
    expect(lease).not.toHaveProperty('spec');
  });

  test('gives rights on jobs in the namespaces that are looked after alone', async () => {
    const objects = await render(full);
    const withJobs = objects.filter(({ rules = [] }) =>
      rules.some(({ resources }) => resources.includes('distilljobs')),
    );
    expect(withJobs.map(({ kind, metadata }) => [kind, metadata.namespace])).toEqual([
      ['Role', 'team-a'],
      ['Role', 'team-b'],
    ]);
    const everywhere = objects.filter(({ kind }) => kind === 'ClusterRole').flatMap(({ rules = [] }) => rules);
    const verbs = ['list', 'watch'];
    const devices = ['resourceslices', 'deviceclasses', 'resourceclaims', 'resourceclaimtemplates'];
    expect(everywhere).toEqual([
      { apiGroups: [''], resources: ['pods', 'nodes'], verbs },
      { apiGroups: ['resource.k8s.io'], resources: devices, verbs },
    ]);
  });

  test('writes weights and limits as the operator reads them, large numbers in full', async () => {
    const environment = Object.fromEntries((await environmentOf(full)).map(({ name, value }) => [name, value]));
    expect(environment).toMatchObject({
      DISTILLERY_NAMESPACE_WEIGHTS: 'team-a=3',
      DISTILLERY_LIMIT_WEIGHT: '10,team-a=100',
      DISTILLERY_LIMIT_MIN_REPLICAS: '0',
      DISTILLERY_LIMIT_LOGITS_BYTES: '10Gi',
      DISTILLERY_LIMIT_TTL_SECONDS: '1000000,team-b=2147483647',
    });
  });

  test('writes the configuration file, which the operator reads', async () => {
    const config = (await render(full)).find(({ kind }) => kind === 'ConfigMap');
    const read = readConfiguration(config?.data?.['operator.yaml'] ?? '');
    expect(read.faults).toEqual([]);
    expect(read.configuration.reconcile.maxPerSecond).toBe(400);
    expect(read.configuration.streams.orphanSeconds).toBe(2_592_000);
  });

  test('needs no configuration file', async () => {
    expect((await render(minimal)).filter(({ kind }) => kind === 'ConfigMap')).toEqual([]);
    expect((await environmentOf(minimal)).map(({ name }) => name)).not.toContain('DISTILLERY_CONFIG_FILE');
  });

  test('leaves out a variable that would win over a configured field, and no other', async () => {
    const names = (await environmentOf(full)).map(({ name }) => name);
    expect(names).not.toContain('DISTILLERY_ORPHAN_SECONDS');
    expect(names).toContain('DISTILLERY_RECONCILE_WORKERS');
  });

  test('makes no disruption budget for one replica, which would keep its node from being drained', async () => {
    const kindsOf = async (replicas: string): Promise<string[]> =>
      (await render({ ...minimal, replicas })).map(({ kind }) => kind);
    expect(await kindsOf('2')).toContain('PodDisruptionBudget');
    expect(await kindsOf('1')).not.toContain('PodDisruptionBudget');
  });

  test.each<[string, Record<string, string>, string]>([
    ['no NATS server', { 'nats.url': '' }, 'nats.url: found nothing, expected the address of a NATS server'],
    [
      'two NATS servers',
      bundled,
      'nats.url: found "nats://nats.nats:4222" beside nats.enabled=true, expected nothing;',
    ],
    ['no Secret', { 'nats.existingSecret': '' }, 'expected the name of a Secret with the keys operator-signing.seed'],
    ['a login without users', { 'nats.auth': 'password' }, 'found no operatorUser or no workerUser'],
    [
      'another login',
      { 'nats.auth': 'token' },
      "at '/nats/auth': value must be one of 'accounts', 'signed', 'password'",
    ],
    ['a value with a typo', { replcas: '1' }, "at '': additional properties 'replcas' not allowed"],
    ['a value of another type', { replicas: 'two' }, "at '/replicas': got string, want integer"],
    ['a tag that YAML reads as a number', { 'image.tag': '110' }, "at '/image/tag': got number, want string"],
    [
      'a size without a unit that is known',
      { 'nats.storage.size': '5GB' },
      "at '/nats/storage/size': '5GB' does not match",
    ],
    ['a limit of something else', { 'limits.wieght': '1' }, "at '/limits': additional properties 'wieght' not allowed"],
    [
      'a limit of something else for a namespace',
      { 'limits.namespaces.team-a.wieght': '1' },
      "at '/limits/namespaces/team-a': additional properties 'wieght' not allowed",
    ],
    ['a configuration that is no map', { 'config.reconcile': '8' }, "at '/config/reconcile': got number, want"],
    ['a field that is out of range', { 'config.reconcile.workers': '0' }, "at '/config/reconcile/workers': minimum"],
    ['teachers that matter', { 'teacherPriorityClass.value': '-10' }, 'must be below -10'],
  ])('refuses %s with a sentence', async (_what, values, sentence) => {
    expect(await refusal({ ...minimal, ...values })).toContain(sentence);
  });
});

describe('a release', () => {
  const args = (release: string, place: string, values: Record<string, string>): string[] => [
    release,
    chartFolder,
    ...['-n', place, ...sets({ ...values, replicas: '0', 'crds.install': 'false' })],
  ];

  const first = { ...minimal, 'watchNamespaces[0]': 'default' };

  test('that is upgraded leaves the lease to who holds it', async () => {
    await helm(['install', ...args('distillery', namespace, first)], cluster.kubeconfig);
    const api = await clientOf(cluster.kubeconfig);
    const leases = leasesAt({ namespace, name: leaseName }, api.client);
    const { signal } = new AbortController();
    const found = (await leases.get(signal))!;
    const time = '2026-01-02T03:04:05.678000Z';
    const held = { holderIdentity: 'a', leaseDurationSeconds: 15, acquireTime: time, renewTime: time };
    expect(await leases.replace({ ...found, ...held }, signal)).toMatchObject({ kind: 'written' });
    await helm(['upgrade', ...args('distillery', namespace, { ...first, logLevel: 'debug' })], cluster.kubeconfig);
    expect(await leases.get(signal)).toMatchObject(held);
    await api.close();
  });

  test('stands beside another of the same name in another namespace', async () => {
    const second = { ...first, 'teacherPriorityClass.create': 'false', 'watchNamespaces[0]': 'second' };
    await helm(['install', ...args('distillery', 'second', second)], cluster.kubeconfig);
    await helm(['uninstall', 'distillery', '-n', 'second'], cluster.kubeconfig);
    await cluster.kubectlOk(['get', 'clusterrole', `${namespace}-distillery`]);
  });

  test('that is removed leaves nothing of its own behind', async () => {
    await helm(['uninstall', 'distillery', '-n', namespace, '--wait'], cluster.kubeconfig);
    const places = [
      'clusterrole,clusterrolebinding,priorityclass',
      '-A',
      '-l',
      'app.kubernetes.io/name=distillery-operator',
    ];
    const all = 'deployment,service,serviceaccount,role,rolebinding,lease,poddisruptionbudget';
    const left = await cluster.kubectlOk(['get', `${all},${places[0]!}`, ...places.slice(1), '-o', 'name']);
    expect(left.trim()).toBe('');
  });
});
