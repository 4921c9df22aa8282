/** The operator's settings: what each set-up needs, and that all problems are reported together, without secrets. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { defaultTemplateRights } from '../../../src/api/index.js';
import { ConfigError, readOperatorConfig } from '../../../src/operator/config.js';
import { defaultAccelerators, noLimits } from '../../../src/domain/index.js';
import { configurationVersion } from '../../../src/operator/configuration.js';
import { operatorVariables, type Variable } from '../../../src/operator/variables.js';

const seed = `SA${'A'.repeat(56)}`;
let folder: string;
const operatorSeed = `SO${'A'.repeat(56)}`;
let signed: Record<string, string>;
let accounts: Record<string, string>;
let byPassword: Record<string, string>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'operator-config-'));
  const holding = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const common = {
    DISTILLERY_NATS_URL: 'nats://nats.nats:4222',
    DISTILLERY_WORKER_IMAGE: 'distillery/worker:0.1.0',
    KUBERNETES_SERVICE_HOST: '10.0.0.1',
    KUBERNETES_SERVICE_PORT: '443',
  };
  signed = {
    ...common,
    DISTILLERY_NATS_CREDS_FILE: holding('operator.creds', '-----BEGIN NATS USER JWT-----'),
    DISTILLERY_NATS_SIGNING_KEY_FILE: holding('signing.seed', `${seed}\n`),
  };
  accounts = {
    ...common,
    DISTILLERY_NATS_OPERATOR_SIGNING_KEY_FILE: holding('operator.seed', `${operatorSeed}\n`),
    DISTILLERY_NATS_SYSTEM_CREDS_FILE: holding('system.creds', '-----BEGIN NATS USER JWT-----'),
  };
  byPassword = {
    ...common,
    DISTILLERY_NATS_USER: 'operator',
    DISTILLERY_NATS_PASSWORD_FILE: holding('operator.password', 'secret-of-operator\n'),
    DISTILLERY_WORKER_NATS_USER: 'worker',
    DISTILLERY_WORKER_NATS_PASSWORD_FILE: holding('worker.password', ' secret of workers \r\n'),
  };
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function problemsOf(environment: Record<string, string | undefined>): readonly string[] {
  try {
    readOperatorConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n').slice(0, -1);
    throw error;
  }
  return [];
}

describe('the settings', () => {
  test('of a pod need a NATS server, a login and an image; the rest has defaults', () => {
    expect(readOperatorConfig(signed)).toEqual({
      access: { kind: 'pod', host: '10.0.0.1', port: '443' },
      nats: {
        url: 'nats://nats.nats:4222',
        workerUrl: 'nats://nats.nats:4222',
        tls: {},
        workerTls: {},
        credentialSeconds: 7 * 24 * 3_600,
        auth: { kind: 'signed', credsFile: join(folder, 'operator.creds'), seed },
      },
      worker: {
        images: {
          cpu: 'distillery/worker:0.1.0',
          gpu: 'distillery/worker:0.1.0',
          studentGpu: 'distillery/worker:0.1.0',
        },
        imagePullPolicy: 'IfNotPresent',
        teacherPriorityClass: 'distillery-teacher',
        cacheGib: 50,
        bucketPorts: [443],
      },
      namespace: 'default',
      podName: '',
      watchNamespaces: [],
      share: { reserve: {}, namespaceWeights: {} },
      limits: noLimits,
      accelerators: defaultAccelerators,
      templateRights: defaultTemplateRights,
      metricsPort: 8_080,
      apiQps: 50,
      apiBurst: 100,
      leaseSeconds: 15,
      orphanSeconds: 3_600,
      reconcile: { workers: 8, minIntervalMs: 250, maxPerSecond: 200 },
      progress: { everyMs: 5_000, writesPerSecond: 10 },
      watchStaleMs: 150_000,
      policy: { minimumRunMs: 60_000, unplacedMs: 5_000, pauseMs: 60_000, stallMs: 60_000 },
      tracing: null,
      logLevel: 'info',
    });
  });

  test('come from a configuration file, too; a variable wins over the field that sets the same', () => {
    const path = join(folder, 'operator.yaml');
    const fields = {
      apiServer: { qps: 20, burst: 40 },
      leaderElection: { leaseSeconds: 30 },
      reconcile: { workers: 4, minIntervalMilliseconds: 500, maxPerSecond: 100 },
      status: { progressSeconds: 10, progressWritesPerSecond: 20 },
      watches: { staleSeconds: 300 },
      streams: { orphanSeconds: 0, credentialHours: 720 },
      teachers: { minimumRunSeconds: 120, unplacedSeconds: 20, pauseSeconds: 30 },
      students: { stallSeconds: 600 },
    };
    // JSON is YAML.
    writeFileSync(path, JSON.stringify({ ...configurationVersion, ...fields }));
    const given = {
      ...signed,
      DISTILLERY_CONFIG_FILE: path,
      DISTILLERY_API_BURST: '99',
      DISTILLERY_RECONCILE_WORKERS: '',
    };
    expect(readOperatorConfig(given)).toEqual({
      ...readOperatorConfig(signed),
      nats: { ...readOperatorConfig(signed).nats, credentialSeconds: 30 * 24 * 3_600 },
      apiQps: 20,
      apiBurst: 99,
      leaseSeconds: 30,
      orphanSeconds: 0,
      reconcile: { workers: 4, minIntervalMs: 500, maxPerSecond: 100 },
      progress: { everyMs: 10_000, writesPerSecond: 20 },
      watchStaleMs: 300_000,
      policy: { minimumRunMs: 120_000, unplacedMs: 20_000, pauseMs: 30_000, stallMs: 600_000 },
    });
  });

  test('name a collector of traces, whose address may hold no login', () => {
    const given = { ...signed, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', OTEL_TRACES_SAMPLER_ARG: '0.5' };
    expect(readOperatorConfig(given).tracing).toEqual({ endpoint: 'http://collector:4318', ratio: 0.5 });
    expect(
      problemsOf({ ...signed, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://me:pw@collector', OTEL_TRACES_SAMPLER_ARG: '2' }),
    ).toEqual([
      'OTEL_EXPORTER_OTLP_ENDPOINT: found another value, expected http://HOST:PORT or https://HOST:PORT, without a login. Change it, or leave it out to trace nothing.',
      'OTEL_TRACES_SAMPLER_ARG: found "2", expected a number from 0 to 1. Change it, or leave it out for 0.01.',
    ]);
  });

  test('of a wrong configuration file are problems that name the file and the field', () => {
    const path = join(folder, 'wrong.yaml');
    writeFileSync(path, JSON.stringify({ ...configurationVersion, reconcile: { workers: 0 } }));
    expect(problemsOf({ ...signed, DISTILLERY_CONFIG_FILE: path })).toEqual([
      `${path}: reconcile.workers: found 0, expected a whole number from 1 to 256. Change it, or leave it out for 8.`,
    ]);
    expect(problemsOf({ ...signed, DISTILLERY_CONFIG_FILE: '/nowhere' })).toEqual([
      expect.stringMatching(
        /^DISTILLERY_CONFIG_FILE: \/nowhere cannot be read \(ENOENT.*\)\. Mount the ConfigMap there\.$/,
      ),
    ]);
  });

  test('name the certificates of a tls:// address by file, the authority for operator and workers', () => {
    const holding = (name: string): string => {
      writeFileSync(join(folder, name), 'PEM');
      return join(folder, name);
    };
    const [ca, cert, key, workerCert, workerKey] = ['ca', 'c', 'k', 'wc', 'wk'].map(holding);
    const given = {
      ...accounts,
      DISTILLERY_NATS_URL: 'tls://nats.nats:4222',
      DISTILLERY_NATS_CA_FILE: ca!,
      DISTILLERY_NATS_CERT_FILE: cert!,
      DISTILLERY_NATS_KEY_FILE: key!,
      DISTILLERY_WORKER_NATS_CERT_FILE: workerCert!,
      DISTILLERY_WORKER_NATS_KEY_FILE: workerKey!,
    };
    expect(readOperatorConfig(given).nats).toMatchObject({
      tls: { ca, cert, key },
      workerTls: { ca, cert: workerCert, key: workerKey },
    });
    expect(
      problemsOf({ ...given, DISTILLERY_NATS_URL: 'nats://nats.nats:4222', DISTILLERY_NATS_CERT_FILE: '' }),
    ).toEqual([
      'DISTILLERY_NATS_CA_FILE: set, but nats://nats.nats:4222 does not ask for TLS. Begin the address with tls://.',
      expect.stringMatching(/^DISTILLERY_NATS_CERT_FILE: not set\. /),
      expect.stringMatching(/^DISTILLERY_NATS_CERT_FILE: set, but /),
      expect.stringMatching(/^DISTILLERY_NATS_KEY_FILE: set, but /),
      expect.stringMatching(/^DISTILLERY_WORKER_NATS_CERT_FILE: set, but /),
      expect.stringMatching(/^DISTILLERY_WORKER_NATS_KEY_FILE: set, but /),
    ]);
    expect(problemsOf({ ...given, DISTILLERY_NATS_CA_FILE: join(folder, 'gone') })).toEqual([
      expect.stringMatching(/^DISTILLERY_NATS_CA_FILE: .*gone cannot be read \(ENOENT.*\)\. Mount the Secret there\.$/),
    ]);
  });

  test('may log in with passwords; spaces in them count, a last line break does not', () => {
    expect(readOperatorConfig(byPassword).nats.auth).toEqual({
      kind: 'password',
      operator: { user: 'operator', password: 'secret-of-operator' },
      workers: { user: 'worker', password: ' secret of workers ' },
    });
  });

  test('may ask for one account per namespace, with limits for all and for single ones', () => {
    const noLimits = { storageBytes: null, memoryBytes: null, streams: null, consumers: null, connections: null };
    expect(readOperatorConfig(accounts).nats.auth).toEqual({
      kind: 'accounts',
      systemCredsFile: join(folder, 'system.creds'),
      signingSeed: operatorSeed,
      accountsSeed: operatorSeed,
      limits: { ...noLimits, streams: 1_000, consumers: 1_000, connections: 5_000 },
      namespaceLimits: new Map(),
    });
    const first = join(folder, 'first.seed');
    writeFileSync(first, `SO${'B'.repeat(56)}`);
    const given = readOperatorConfig({
      ...accounts,
      DISTILLERY_NATS_ACCOUNTS_KEY_FILE: first,
      DISTILLERY_NATS_ACCOUNT_LIMITS: 'storage=1Gi',
      DISTILLERY_NATS_NAMESPACE_LIMITS: 'team-a:storage=2Gi',
    });
    expect(given.nats.auth).toMatchObject({
      signingSeed: operatorSeed,
      accountsSeed: `SO${'B'.repeat(56)}`,
      limits: { ...noLimits, storageBytes: 1024 ** 3 },
      namespaceLimits: new Map([['team-a', { storageBytes: 2 * 1024 ** 3 }]]),
    });
  });

  test('may all be given', () => {
    const given = readOperatorConfig({
      ...signed,
      DISTILLERY_KUBECONFIG: '/home/me/.kube/config',
      DISTILLERY_NATS_URL: 'tls://a:4222, tls://b:4222',
      DISTILLERY_WORKER_NATS_URL: 'nats://nats.nats.svc:4222',
      DISTILLERY_WORKER_GPU_IMAGE: 'distillery/worker-gpu:0.1.0',
      DISTILLERY_WORKER_IMAGE_PULL_POLICY: 'Never',
      DISTILLERY_TEACHER_PRIORITY_CLASS: 'scavengers',
      DISTILLERY_WORKER_CACHE_GIB: '200',
      DISTILLERY_WORKER_BUCKET_PORTS: '443, 9000',
      DISTILLERY_RESERVE: 'nvidia.com/gpu=2, amd.com/gpu=10%',
      DISTILLERY_NAMESPACE_WEIGHTS: 'team-a=3, team-b=2',
      DISTILLERY_LIMIT_WEIGHT: '10,team-a=100',
      DISTILLERY_LIMIT_MIN_REPLICAS: 'team-a=32, 0',
      DISTILLERY_LIMIT_LOGITS_BYTES: '10Gi,team-a=1Ti',
      DISTILLERY_LIMIT_TTL_SECONDS: 'team-a=60',
      DISTILLERY_TEMPLATE_ANNOTATIONS: 'k8s.v1.cni.cncf.io/*',
      DISTILLERY_TEMPLATE_SECRETS: 'none',
      DISTILLERY_TEMPLATE_IMAGES: 'registry.example:5000/ml/*,worker@sha256:*',
      DISTILLERY_TEMPLATE_TOLERATIONS: 'nvidia.com/gpu, dedicated',
      DISTILLERY_STUDENT_PRIORITY_CLASSES: 'batch-*,system-cluster-critical',
      DISTILLERY_NAMESPACE: 'distillery-system',
      DISTILLERY_POD_NAME: 'distillery-7d9',
      DISTILLERY_WATCH_NAMESPACES: 'team-a, team-b,team-a,',
      DISTILLERY_ACCELERATORS: 'nvidia.com/gpu, example.com/*',
      DISTILLERY_METRICS_PORT: '0',
      DISTILLERY_API_QPS: '200',
      DISTILLERY_API_BURST: '400',
      DISTILLERY_LEASE_SECONDS: '3',
      DISTILLERY_RECONCILE_WORKERS: '32',
      DISTILLERY_LOG_LEVEL: 'debug',
    });
    expect(given).toMatchObject({
      access: { kind: 'file', path: '/home/me/.kube/config' },
      nats: { url: 'tls://a:4222,tls://b:4222', workerUrl: 'nats://nats.nats.svc:4222' },
      worker: {
        images: {
          cpu: 'distillery/worker:0.1.0',
          gpu: 'distillery/worker-gpu:0.1.0',
          studentGpu: 'distillery/worker-gpu:0.1.0',
        },
        imagePullPolicy: 'Never',
        teacherPriorityClass: 'scavengers',
        cacheGib: 200,
        bucketPorts: [443, 9_000],
      },
      namespace: 'distillery-system',
      podName: 'distillery-7d9',
      watchNamespaces: ['team-a', 'team-b'],
      share: {
        reserve: { 'nvidia.com/gpu': { slots: 2 }, 'amd.com/gpu': { percent: 10 } },
        namespaceWeights: { 'team-a': 3, 'team-b': 2 },
      },
      limits: {
        weight: { others: 10, namespaces: { 'team-a': 100 } },
        minReplicas: { others: 0, namespaces: { 'team-a': 32 } },
        logitsBytes: { others: 10 * 2 ** 30, namespaces: { 'team-a': 2 ** 40 } },
        ttlSeconds: { others: null, namespaces: { 'team-a': 60 } },
      },
      accelerators: ['nvidia.com/gpu', 'example.com/*'],
      templateRights: {
        annotations: ['k8s.v1.cni.cncf.io/*'],
        secrets: [],
        images: ['registry.example:5000/ml/*', 'worker@sha256:*'],
        tolerations: ['nvidia.com/gpu', 'dedicated'],
        studentPriorityClasses: ['batch-*', 'system-cluster-critical'],
      },
      metricsPort: 0,
      apiQps: 200,
      apiBurst: 400,
      leaseSeconds: 3,
      reconcile: { workers: 32 },
      logLevel: 'debug',
    });
  });

  test.each([
    ['TLS://NATS.example', 'tls://nats.example:4222'],
    ['"nats://nats:4333"', 'nats://nats:4333'],
    ['nats.nats', 'nats://nats.nats:4222'],
  ])('turn the address %s into the form that workers and objects read: %s', (given, want) => {
    expect(readOperatorConfig({ ...signed, DISTILLERY_NATS_URL: given }).nats.url).toBe(want);
  });

  test('treat an empty variable as absent', () => {
    const empty = Object.fromEntries(Object.keys(operatorVariables).map((name) => [name, '']));
    expect(readOperatorConfig({ ...empty, ...signed })).toEqual(readOperatorConfig(signed));
  });
});

describe('a problem', () => {
  test.each<[string, string, string]>([
    ['DISTILLERY_NATS_URL', '', 'found nothing, expected nats://host:port or tls://host:port without user'],
    ['DISTILLERY_NATS_URL', 'http://nats:4222', 'expected nats://host:port'],
    ['DISTILLERY_NATS_URL', 'nats://a:4222,', 'expected nats://host:port'],
    ['DISTILLERY_NATS_URL', 'nats://me:hidden@nats:4222', 'found another value, expected nats://host:port'],
    ['DISTILLERY_NATS_URL', 'nats://me:hid/hidden@nats:4222', 'found another value, expected nats://host:port'],
    ['DISTILLERY_NATS_URL', 'nats://hidden@nats:4222', 'found another value, expected nats://host:port'],
    ['DISTILLERY_WORKER_NATS_URL', 'nats://me:hidden@nats:4222', 'found another value'],
    ['DISTILLERY_WORKER_IMAGE', '', 'found nothing, expected an image such as'],
    ['DISTILLERY_WORKER_IMAGE', 'a b', 'found "a b", expected an image such as'],
    ['DISTILLERY_WORKER_GPU_IMAGE', 'a b', 'found "a b", expected an image such as'],
    ['DISTILLERY_WORKER_IMAGE_PULL_POLICY', 'always', 'found "always", expected Always, IfNotPresent or Never.'],
    ['DISTILLERY_WORKER_CACHE_GIB', '0', 'found "0", expected a whole number from 1 to 1000000.'],
    ['DISTILLERY_WORKER_BUCKET_PORTS', '443,70000', 'expected ports with commas between them, such as 443,9000.'],
    ['DISTILLERY_WORKER_BUCKET_PORTS', 'https', 'expected ports with commas between them, such as 443,9000.'],
    ['DISTILLERY_WATCH_NAMESPACES', 'team-a,Team_B', 'expected names of namespaces with commas between them.'],
    ['DISTILLERY_ACCELERATORS', 'nvidia.com/gpu,gpu', 'expected names of extended resources such as nvidia.com/gpu'],
    [
      'DISTILLERY_TEMPLATE_SECRETS',
      'my keys',
      'expected names with commas between them, * for any characters, or none.',
    ],
    ['DISTILLERY_METRICS_PORT', '70000', 'found "70000", expected a whole number from 0 to 65535.'],
    ['DISTILLERY_METRICS_PORT', 'tcp://10.0.0.1:8080', 'expected a whole number from 0 to 65535.'],
    [
      'DISTILLERY_RESERVE',
      'nvidia.com/gpu=some',
      'expected RESOURCE=NUMBER or RESOURCE=PERCENT%, several with commas. Change it, or leave it out to hold nothing back.',
    ],
    [
      'DISTILLERY_NAMESPACE_WEIGHTS',
      'team-a',
      'expected NAMESPACE=NUMBER, several with commas, each from 1 to 1000, such as team-a=3,team-b=2. Change it, or leave',
    ],
    ['DISTILLERY_NAMESPACE_WEIGHTS', '3', 'expected NAMESPACE=NUMBER'],
    ['DISTILLERY_NAMESPACE_WEIGHTS', 'team-a=0', 'expected NAMESPACE=NUMBER'],
    [
      'DISTILLERY_LIMIT_WEIGHT',
      '10,20',
      'expected NUMBER and NAMESPACE=NUMBER, several with commas, each from 1 to 1000, such as 10,team-a=100. Change it',
    ],
    ['DISTILLERY_LIMIT_WEIGHT', 'team-a=1,team-a=2', 'expected NUMBER and NAMESPACE=NUMBER'],
    ['DISTILLERY_LIMIT_MIN_REPLICAS', '-1', 'each from 0 to 160000'],
    ['DISTILLERY_LIMIT_LOGITS_BYTES', '1Mi', 'each from 16777216 to'],
    ['DISTILLERY_LIMIT_TTL_SECONDS', 'Team_A=1', 'expected NUMBER and NAMESPACE=NUMBER'],
    ['DISTILLERY_API_QPS', '0', 'expected a whole number from 1 to 10000. Change it, or leave it out for 50.'],
    ['DISTILLERY_API_BURST', '1e3', 'expected a whole number from 1 to 10000'],
    ['DISTILLERY_LEASE_SECONDS', '1.5', 'expected a whole number from 3 to 600'],
    ['DISTILLERY_RECONCILE_WORKERS', '-1', 'expected a whole number from 1 to 256'],
    ['DISTILLERY_LOG_LEVEL', 'verbose', 'expected trace, debug, info, warn or error'],
    ['KUBERNETES_SERVICE_HOST', '', 'DISTILLERY_KUBECONFIG: not set, and this process does not run in a pod'],
    ['DISTILLERY_NATS_CREDS_FILE', '', 'not set. Mount the Secret'],
    ['DISTILLERY_NATS_CREDS_FILE', '/nowhere', '/nowhere cannot be read (ENOENT'],
    ['DISTILLERY_NATS_SIGNING_KEY_FILE', '', 'not set. Mount the Secret'],
    ['DISTILLERY_NATS_SIGNING_KEY_FILE', '/dev/null', '/dev/null is empty. Mount the key'],
    [
      'DISTILLERY_NATS_USER',
      'me',
      'DISTILLERY_NATS_*: several logins are set (DISTILLERY_NATS_CREDS_FILE, DISTILLERY_NATS_SIGNING_KEY_FILE, ' +
        'DISTILLERY_NATS_USER). Set exactly one of these: ',
    ],
  ])('with %s=%j says what is wrong and what to do', (name, value, sentence) => {
    const problems = problemsOf({ ...signed, [name]: value });
    expect(problems.join('\n')).toContain(sentence);
    if (!sentence.startsWith('DISTILLERY')) expect(problems[0]).toMatch(new RegExp(`^${name}: `));
    expect(problems.join('\n')).not.toContain('hidden');
  });

  test.each<[string, string, string]>([
    ['DISTILLERY_NATS_USER', '', 'DISTILLERY_NATS_USER: not set. Name a user for the operator and one for the workers'],
    ['DISTILLERY_WORKER_NATS_USER', '', 'DISTILLERY_WORKER_NATS_USER: not set. Name a user'],
    ['DISTILLERY_NATS_PASSWORD_FILE', '', 'DISTILLERY_NATS_PASSWORD_FILE: not set. Mount'],
    ['DISTILLERY_WORKER_NATS_PASSWORD_FILE', '/nowhere', '/nowhere cannot be read'],
  ])('of a login by passwords with %s=%j is reported', (name, value, sentence) => {
    expect(problemsOf({ ...byPassword, [name]: value })).toEqual([expect.stringContaining(sentence)]);
  });

  test.each<[string, string, string]>([
    ['DISTILLERY_NATS_SYSTEM_CREDS_FILE', '', 'DISTILLERY_NATS_SYSTEM_CREDS_FILE: not set. Mount'],
    ['DISTILLERY_NATS_OPERATOR_SIGNING_KEY_FILE', '/nowhere', '/nowhere cannot be read'],
    ['DISTILLERY_NATS_ACCOUNTS_KEY_FILE', '/dev/null', '/dev/null is empty. Mount the key'],
    ['DISTILLERY_NATS_ACCOUNT_LIMITS', 'disk=1Gi', 'found "disk=1Gi", expected storage=SIZE, memory=SIZE, streams=N'],
    ['DISTILLERY_NATS_NAMESPACE_LIMITS', 'storage=1Gi', 'expected NAMESPACE:LIMITS, several with semicolons'],
  ])('of accounts per namespace with %s=%j is reported', (name, value, sentence) => {
    expect(problemsOf({ ...accounts, [name]: value })).toEqual([expect.stringContaining(sentence)]);
  });

  test('with the signing key does not show what the file holds', () => {
    const wrong = join(folder, 'user.seed');
    writeFileSync(wrong, `SU${'B'.repeat(56)}`);
    const problems = problemsOf({ ...signed, DISTILLERY_NATS_SIGNING_KEY_FILE: wrong });
    expect(problems).toEqual([
      expect.stringMatching(/user\.seed does not hold the seed of a signing key of a NATS account \(SA/),
    ]);
    expect(problems.join()).not.toContain('BBBB');
    const another = problemsOf({ ...accounts, DISTILLERY_NATS_OPERATOR_SIGNING_KEY_FILE: wrong });
    expect(another).toEqual([expect.stringMatching(/does not hold the seed of a signing key of a NATS operator \(SO/)]);
    expect(another.join()).not.toContain('BBBB');
  });

  test('is reported together with all others', () => {
    const problems = problemsOf({ DISTILLERY_LEASE_SECONDS: '2', DISTILLERY_LOG_LEVEL: 'loud' });
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'DISTILLERY_NATS_URL',
      'DISTILLERY_WORKER_IMAGE',
      'DISTILLERY_LEASE_SECONDS',
      'DISTILLERY_LOG_LEVEL',
      'DISTILLERY_KUBECONFIG',
      'DISTILLERY_NATS_*',
    ]);
  });
});

describe('every variable', () => {
  test.each(Object.entries<Variable<unknown>>(operatorVariables))(
    '%s has a sentence and a default that it takes',
    (name, variable) => {
      expect(name).toMatch(/^(DISTILLERY|OTEL)_[A-Z_]+$/);
      expect(variable.meaning).toMatch(/^[A-Z].*\.$/);
      if (variable.fallback !== null) expect(variable.schema.safeParse(variable.fallback).success).toBe(true);
    },
  );
});
