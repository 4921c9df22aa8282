/**
 * The operator's settings: environment variables (variables.ts) and a configuration file (configuration.ts), both read once.
 * A variable wins over the field that sets the same. All problems are reported together. Secrets come from files, and no
 * problem quotes one.
 */

import { DistilleryError, type Fault, reasonOf, within } from '@distillery/base';
import { readTextSync } from '@distillery/platform';
import { NatsAddress } from '@distillery/protocol';

import type { TracingSettings } from '@distillery/tracing';

import type { TemplateRights } from '../api/index.js';
import type { AllocationRules, Limits, Policy } from '../domain/index.js';
import type { AccountLimits, TlsFiles } from '../stream/index.js';

import { type Configuration, defaultConfiguration, readConfiguration } from './configuration.js';
import { operatorVariables, type Settings, type Variable, type VariableName } from './variables.js';

export interface Login {
  readonly user: string;
  readonly password: string;
}

export interface OperatorConfig {
  readonly access:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'pod'; readonly host: string; readonly port: string };
  readonly nats: {
    readonly url: string;
    readonly workerUrl: string;
    /** Paths of PEM files; absent = none. */
    readonly tls: TlsFiles;
    readonly workerTls: TlsFiles;
    /** How long workers' credentials are valid. */
    readonly credentialSeconds: number;
    readonly auth:
      /** One account per namespace, made by the operator. `systemCredsFile`: its login to the system account. */
      | {
          readonly kind: 'accounts';
          readonly systemCredsFile: string;
          readonly signingSeed: string;
          readonly accountsSeed: string;
          readonly limits: AccountLimits;
          readonly namespaceLimits: ReadonlyMap<string, Partial<AccountLimits>>;
        }
      /** One account for all. `credsFile`: the operator's own login. `seed`: signs the users of workers, of the same account. */
      | { readonly kind: 'signed'; readonly credsFile: string; readonly seed: string }
      /** One login for the workers of all jobs. */
      | { readonly kind: 'password'; readonly operator: Login; readonly workers: Login };
  };
  readonly worker: {
    readonly images: { readonly cpu: string; readonly gpu: string; readonly studentGpu: string };
    readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
    readonly teacherPriorityClass: string;
    readonly cacheGib: number;
    readonly bucketPorts: readonly number[];
  };
  readonly namespace: string;
  readonly podName: string;
  readonly watchNamespaces: readonly string[];
  /** The slots that teachers leave free, by resource, and the weights of namespaces. */
  readonly share: AllocationRules;
  /** What one job may ask for. */
  readonly limits: Limits;
  /** Patterns of resource names. */
  readonly accelerators: readonly string[];
  /** What templates of jobs may ask for. */
  readonly templateRights: TemplateRights;
  readonly metricsPort: number;
  readonly apiQps: number;
  readonly apiBurst: number;
  readonly leaseSeconds: number;
  /** How long a job is missing before its streams are removed; 0 = they stay. */
  readonly orphanSeconds: number;
  readonly reconcile: {
    readonly workers: number;
    /** From one reconcile of a job to its next. */
    readonly minIntervalMs: number;
    /** Over all jobs. */
    readonly maxPerSecond: number;
  };
  /** Status writes that only report progress. */
  readonly progress: {
    /** Of one job. */
    readonly everyMs: number;
    /** Over all jobs. */
    readonly writesPerSecond: number;
  };
  /** A watch that is silent for longer counts as stale. */
  readonly watchStaleMs: number;
  readonly policy: Policy;
  /** null = off. */
  readonly tracing: TracingSettings | null;
  readonly logLevel: string;
}

/** Everything that is wrong with the settings. */
export class ConfigError extends DistilleryError {
  override readonly name = 'ConfigError';
  readonly kind = 'Config';
  readonly retry = 'AfterSomebodyActs';

  constructor(faults: readonly Fault[]) {
    super({
      faults,
      remedy:
        'see docs/reference/operator.md and docs/reference/operator-configuration.md for the settings of the operator',
    });
  }
}

/** Seeds in the form of nkeys. */
const seeds = { account: /^SA[A-Z2-7]{56}$/, operator: /^SO[A-Z2-7]{56}$/ } as const;

/** @throws ConfigError */
export function readOperatorConfig(environment: NodeJS.ProcessEnv): OperatorConfig {
  const problems: Fault[] = [];
  const configuration = configurationIn(environment.DISTILLERY_CONFIG_FILE ?? '', problems);
  const settings = settingsIn(environment, configuration, problems);
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '' } = environment;
  if (settings.DISTILLERY_KUBECONFIG === '' && host === '') {
    problems.push({
      about: 'DISTILLERY_KUBECONFIG',
      problem: 'not set, and this process does not run in a pod',
      remedy: 'set it to the path of a kubeconfig',
    });
  }
  const nats = natsIn(settings, configuration, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  const gpuImage = settings.DISTILLERY_WORKER_GPU_IMAGE || settings.DISTILLERY_WORKER_IMAGE;
  return {
    access:
      settings.DISTILLERY_KUBECONFIG === ''
        ? { kind: 'pod', host, port }
        : { kind: 'file', path: settings.DISTILLERY_KUBECONFIG },
    nats,
    worker: {
      images: {
        cpu: settings.DISTILLERY_WORKER_IMAGE,
        gpu: gpuImage,
        studentGpu: settings.DISTILLERY_STUDENT_GPU_IMAGE || gpuImage,
      },
      imagePullPolicy: settings.DISTILLERY_WORKER_IMAGE_PULL_POLICY,
      teacherPriorityClass: settings.DISTILLERY_TEACHER_PRIORITY_CLASS,
      cacheGib: settings.DISTILLERY_WORKER_CACHE_GIB,
      bucketPorts: settings.DISTILLERY_WORKER_BUCKET_PORTS,
    },
    namespace: settings.DISTILLERY_NAMESPACE,
    podName: settings.DISTILLERY_POD_NAME,
    watchNamespaces: settings.DISTILLERY_WATCH_NAMESPACES,
    share: { reserve: settings.DISTILLERY_RESERVE, namespaceWeights: settings.DISTILLERY_NAMESPACE_WEIGHTS },
    limits: {
      weight: settings.DISTILLERY_LIMIT_WEIGHT,
      minReplicas: settings.DISTILLERY_LIMIT_MIN_REPLICAS,
      logitsBytes: settings.DISTILLERY_LIMIT_LOGITS_BYTES,
      ttlSeconds: settings.DISTILLERY_LIMIT_TTL_SECONDS,
    },
    accelerators: settings.DISTILLERY_ACCELERATORS,
    templateRights: {
      annotations: settings.DISTILLERY_TEMPLATE_ANNOTATIONS,
      secrets: settings.DISTILLERY_TEMPLATE_SECRETS,
      images: settings.DISTILLERY_TEMPLATE_IMAGES,
      tolerations: settings.DISTILLERY_TEMPLATE_TOLERATIONS,
      studentPriorityClasses: settings.DISTILLERY_STUDENT_PRIORITY_CLASSES,
    },
    metricsPort: settings.DISTILLERY_METRICS_PORT,
    apiQps: settings.DISTILLERY_API_QPS,
    apiBurst: settings.DISTILLERY_API_BURST,
    leaseSeconds: settings.DISTILLERY_LEASE_SECONDS,
    orphanSeconds: settings.DISTILLERY_ORPHAN_SECONDS,
    ...tuningOf(configuration, settings),
    tracing: tracingIn(settings),
    logLevel: settings.DISTILLERY_LOG_LEVEL,
  };
}

function tracingIn({
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  OTEL_TRACES_SAMPLER_ARG: ratio,
}: Settings): TracingSettings | null {
  return endpoint === '' ? null : { endpoint, ratio };
}

type Tuning = Pick<OperatorConfig, 'reconcile' | 'progress' | 'watchStaleMs' | 'policy'>;

function tuningOf({ reconcile, status, watches, teachers, students }: Configuration, settings: Settings): Tuning {
  return {
    reconcile: {
      workers: settings.DISTILLERY_RECONCILE_WORKERS,
      minIntervalMs: reconcile.minIntervalMilliseconds,
      maxPerSecond: reconcile.maxPerSecond,
    },
    progress: { everyMs: status.progressSeconds * 1_000, writesPerSecond: status.progressWritesPerSecond },
    watchStaleMs: watches.staleSeconds * 1_000,
    policy: {
      minimumRunMs: teachers.minimumRunSeconds * 1_000,
      unplacedMs: teachers.unplacedSeconds * 1_000,
      pauseMs: teachers.pauseSeconds * 1_000,
      stallMs: students.stallSeconds * 1_000,
    },
  };
}

/** @param path empty = no file. @returns the defaults for a file with problems; problems end the operator */
function configurationIn(path: string, problems: Fault[]): Configuration {
  if (path === '') return defaultConfiguration;
  let text: string;
  try {
    text = readTextSync(path);
  } catch (error) {
    problems.push({
      about: 'DISTILLERY_CONFIG_FILE',
      problem: `${path} cannot be read (${reasonOf(error)})`,
      remedy: 'mount the ConfigMap there',
    });
    return defaultConfiguration;
  }
  const { configuration, faults } = readConfiguration(text);
  problems.push(...faults.map((fault) => within(path, fault)));
  return configuration;
}

/** A wrong value becomes a problem and a placeholder, which is never used: problems end the operator. */
function settingsIn(environment: NodeJS.ProcessEnv, configuration: Configuration, problems: Fault[]): Settings {
  const entries = Object.entries<Variable<unknown>>(operatorVariables).map(([name, variable]) => {
    const given = environment[name] ?? '';
    const inFile = variable.field?.of(configuration).toString();
    const value = given === '' ? (inFile ?? variable.fallback) : given;
    const parsed = variable.schema.safeParse(value);
    if (!parsed.success) {
      const { expected, remedy } = variable;
      problems.push({ about: name, found: quoted(given, variable), expected, remedy });
    }
    return [name, parsed.success ? parsed.data : ''];
  });
  return Object.fromEntries(entries) as Settings;
}

function quoted(given: string, { mayHoldSecret }: Pick<Variable<unknown>, 'mayHoldSecret'>): string {
  if (given === '') return 'nothing';
  return mayHoldSecret === true ? 'another value' : JSON.stringify(given);
}

/** The ways to log in to NATS, and the variables that choose each. */
const ways = {
  accounts: ['DISTILLERY_NATS_OPERATOR_SIGNING_KEY_FILE', 'DISTILLERY_NATS_SYSTEM_CREDS_FILE'],
  signed: ['DISTILLERY_NATS_CREDS_FILE', 'DISTILLERY_NATS_SIGNING_KEY_FILE'],
  password: ['DISTILLERY_NATS_USER', 'DISTILLERY_WORKER_NATS_USER'],
} as const satisfies Record<string, readonly VariableName[]>;
type Way = keyof typeof ways;

function natsIn(settings: Settings, { streams }: Configuration, problems: Fault[]): OperatorConfig['nats'] {
  const url = settings.DISTILLERY_NATS_URL;
  const workerUrl = settings.DISTILLERY_WORKER_NATS_URL === '' ? url : settings.DISTILLERY_WORKER_NATS_URL;
  const ca = filesIn(settings, { ca: 'DISTILLERY_NATS_CA_FILE' }, url, problems);
  const own = { cert: 'DISTILLERY_NATS_CERT_FILE', key: 'DISTILLERY_NATS_KEY_FILE' } as const;
  const workers = { cert: 'DISTILLERY_WORKER_NATS_CERT_FILE', key: 'DISTILLERY_WORKER_NATS_KEY_FILE' } as const;
  return {
    url,
    workerUrl,
    tls: { ...ca, ...filesIn(settings, own, url, problems) },
    workerTls: { ...ca, ...filesIn(settings, workers, workerUrl, problems) },
    credentialSeconds: streams.credentialHours * 3_600,
    auth: authIn(wayIn(settings, problems), settings, problems),
  };
}

/**
 * Files that are used together: all of them, or none. Without tls:// they would be ignored, and the connection would be open
 * for everybody on the way to read.
 */
function filesIn(
  settings: Settings,
  names: Partial<Record<keyof TlsFiles, SecretName>>,
  url: string,
  problems: Fault[],
): TlsFiles {
  const entries = Object.entries(names);
  if (entries.every(([, name]) => settings[name] === '')) return {};
  for (const [, name] of entries) {
    secretIn(settings, name, problems);
    if (url === '' || NatsAddress.parse(url).tls) continue;
    problems.push({
      about: name,
      problem: `set, but ${url} does not ask for TLS`,
      remedy: 'begin the address with tls://',
    });
  }
  return Object.fromEntries(entries.map(([part, name]) => [part, settings[name]]));
}

/** @returns null, with a problem, when the variables choose no way or several */
function wayIn(settings: Settings, problems: Fault[]): Way | null {
  const given = (Object.keys(ways) as Way[]).filter((way) => ways[way].some((name) => settings[name] !== ''));
  const [way] = given;
  if (given.length === 1 && way !== undefined) return way;
  problems.push({
    about: 'DISTILLERY_NATS_*',
    problem: given.length === 0 ? 'no login is set' : `several logins are set (${namesOf(given, settings)})`,
    remedy:
      `set exactly one of these: ${ways.accounts.join(' and ')} (one account per namespace); ${ways.signed.join(' and ')} ` +
      '(one account for all jobs); DISTILLERY_NATS_USER, DISTILLERY_NATS_PASSWORD_FILE, DISTILLERY_WORKER_NATS_USER and ' +
      'DISTILLERY_WORKER_NATS_PASSWORD_FILE (passwords)',
  });
  return null;
}

/** The variables that are set, of several ways. */
function namesOf(given: readonly Way[], settings: Settings): string {
  return given.flatMap((way) => ways[way].filter((name) => settings[name] !== '')).join(', ');
}

function authIn(way: Way | null, settings: Settings, problems: Fault[]): OperatorConfig['nats']['auth'] {
  const secret = (name: SecretName): string => secretIn(settings, name, problems);
  const seed = (name: SecretName, kind: keyof typeof seeds): string => seedIn(settings, name, kind, problems);
  const login = (user: 'DISTILLERY_NATS_USER' | 'DISTILLERY_WORKER_NATS_USER', passwordFile: SecretName): Login => {
    if (settings[user] === '')
      problems.push({
        about: user,
        problem: 'not set',
        remedy: 'name a user for the operator and one for the workers; they may be the same',
      });
    return { user: settings[user], password: secret(passwordFile) };
  };
  switch (way) {
    case 'accounts': {
      secret('DISTILLERY_NATS_SYSTEM_CREDS_FILE');
      const signingSeed = seed('DISTILLERY_NATS_OPERATOR_SIGNING_KEY_FILE', 'operator');
      const derivesElsewhere = settings.DISTILLERY_NATS_ACCOUNTS_KEY_FILE !== '';
      return {
        kind: way,
        systemCredsFile: settings.DISTILLERY_NATS_SYSTEM_CREDS_FILE,
        signingSeed,
        accountsSeed: derivesElsewhere ? seed('DISTILLERY_NATS_ACCOUNTS_KEY_FILE', 'operator') : signingSeed,
        limits: settings.DISTILLERY_NATS_ACCOUNT_LIMITS,
        namespaceLimits: settings.DISTILLERY_NATS_NAMESPACE_LIMITS,
      };
    }
    case 'signed':
    case null: {
      const credsFile = settings.DISTILLERY_NATS_CREDS_FILE;
      if (way === null) return { kind: 'signed', credsFile, seed: '' };
      secret('DISTILLERY_NATS_CREDS_FILE');
      return { kind: way, credsFile, seed: seed('DISTILLERY_NATS_SIGNING_KEY_FILE', 'account') };
    }
    case 'password': {
      const operator = login('DISTILLERY_NATS_USER', 'DISTILLERY_NATS_PASSWORD_FILE');
      const workers = login('DISTILLERY_WORKER_NATS_USER', 'DISTILLERY_WORKER_NATS_PASSWORD_FILE');
      return { kind: way, operator, workers };
    }
  }
}

/** @returns the seed; empty, with a problem, when it is not valid */
function seedIn(settings: Settings, name: SecretName, kind: keyof typeof seeds, problems: Fault[]): string {
  const seed = secretIn(settings, name, problems).trim();
  if (seed === '' || seeds[kind].test(seed)) return seed;
  const wanted = {
    account: 'a signing key of a NATS account (SA and 56 more characters)',
    operator: 'a signing key of a NATS operator (SO and 56 more characters)',
  }[kind];
  problems.push({
    about: name,
    problem: `${settings[name]} does not hold the seed of ${wanted}`,
    remedy: 'export the key with nsc, as docs/operator.md says',
  });
  return '';
}

type SecretName = Extract<VariableName, `${string}_FILE`>;

/** @returns the text of the file without line breaks at its end; empty or blank, with a problem, when there is none */
function secretIn(settings: Settings, name: SecretName, problems: Fault[]): string {
  const path = settings[name];
  if (path === '') {
    problems.push({
      about: name,
      problem: 'not set',
      remedy: 'mount the Secret and set this to the path of its file',
    });
    return '';
  }
  try {
    const secret = readTextSync(path).replace(/[\r\n]+$/, '');
    if (secret.trim() === '') {
      problems.push({ about: name, problem: `${path} is empty`, remedy: 'mount the key of the Secret that holds it' });
    }
    return secret;
  } catch (error) {
    problems.push({
      about: name,
      problem: `${path} cannot be read (${reasonOf(error)})`,
      remedy: 'mount the Secret there',
    });
    return '';
  }
}
