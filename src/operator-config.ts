/**
 * The operator's settings, read from the environment once, all problems told at once. The variables are in
 * operator-variables.ts. Secrets come from files, and no problem ever quotes one.
 */

import type { TemplateRights } from './api/index.js';
import type { Limits, ShareRules } from './domain/index.js';
import { reasonOf } from './lib/system-error.js';
import { operatorVariables, type Settings, type Variable, type VariableName } from './operator-variables.js';
import { readTextSync } from './platform/index.js';

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
    readonly auth:
      /** `credsFile`: the operator's own login. `seed`: signs the users of workers, of the same account. */
      | { readonly kind: 'signed'; readonly credsFile: string; readonly seed: string }
      /** One login for the workers of all jobs. */
      | { readonly kind: 'password'; readonly operator: Login; readonly workers: Login };
  };
  readonly worker: {
    readonly image: string;
    readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
    readonly teacherPriorityClass: string;
  };
  readonly namespace: string;
  readonly podName: string;
  readonly watchNamespaces: readonly string[];
  /** What stays free, by resource, and the weights of namespaces. */
  readonly share: ShareRules;
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
  readonly reconcileWorkers: number;
  readonly logLevel: string;
}

/** What is wrong with the settings, all of it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly string[]) {
    super(`${problems.join('\n')}\ndocs/reference/operator.md lists what the operator's environment may say`);
  }
}

/** An account's seed as nkeys write it. */
const accountSeed = /^SA[A-Z2-7]{56}$/;

/** @throws ConfigError */
export function readOperatorConfig(environment: NodeJS.ProcessEnv): OperatorConfig {
  const problems: string[] = [];
  const settings = settingsIn(environment, problems);
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '' } = environment;
  if (settings.DISTILLERY_KUBECONFIG === '' && host === '') {
    problems.push(
      'DISTILLERY_KUBECONFIG: found nothing, and not the environment of a pod either, expected one of them; name a kubeconfig',
    );
  }
  const nats = natsIn(settings, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    access:
      settings.DISTILLERY_KUBECONFIG === ''
        ? { kind: 'pod', host, port }
        : { kind: 'file', path: settings.DISTILLERY_KUBECONFIG },
    nats,
    worker: {
      image: settings.DISTILLERY_WORKER_IMAGE,
      imagePullPolicy: settings.DISTILLERY_WORKER_IMAGE_PULL_POLICY,
      teacherPriorityClass: settings.DISTILLERY_TEACHER_PRIORITY_CLASS,
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
      tolerations: settings.DISTILLERY_TEMPLATE_TOLERATIONS,
      studentPriorityClasses: settings.DISTILLERY_STUDENT_PRIORITY_CLASSES,
    },
    metricsPort: settings.DISTILLERY_METRICS_PORT,
    apiQps: settings.DISTILLERY_API_QPS,
    apiBurst: settings.DISTILLERY_API_BURST,
    leaseSeconds: settings.DISTILLERY_LEASE_SECONDS,
    reconcileWorkers: settings.DISTILLERY_RECONCILE_WORKERS,
    logLevel: settings.DISTILLERY_LOG_LEVEL,
  };
}

/** A value that is wrong is told, and stands for nothing: nobody sees the settings then. */
function settingsIn(environment: NodeJS.ProcessEnv, problems: string[]): Settings {
  const entries = Object.entries<Variable<unknown>>(operatorVariables).map(([name, variable]) => {
    const given = environment[name] ?? '';
    const value = given === '' ? variable.fallback : given;
    const parsed = variable.schema.safeParse(value);
    if (!parsed.success) {
      problems.push(`${name}: found ${quoted(given, variable)}, expected ${variable.expected}; ${variable.remedy}`);
    }
    return [name, parsed.success ? parsed.data : ''];
  });
  return Object.fromEntries(entries) as Settings;
}

function quoted(given: string, { mayHoldSecret }: Pick<Variable<unknown>, 'mayHoldSecret'>): string {
  if (given === '') return 'nothing';
  return mayHoldSecret === true ? 'another value' : JSON.stringify(given);
}

function natsIn(settings: Settings, problems: string[]): OperatorConfig['nats'] {
  const credsFile = settings.DISTILLERY_NATS_CREDS_FILE;
  const signingFile = settings.DISTILLERY_NATS_SIGNING_KEY_FILE;
  const isSigned = credsFile !== '' || signingFile !== '';
  const isByPassword = settings.DISTILLERY_NATS_USER !== '' || settings.DISTILLERY_WORKER_NATS_USER !== '';
  if (isSigned === isByPassword) {
    problems.push(
      `DISTILLERY_NATS_CREDS_FILE: found ${isSigned ? 'both ways' : 'no way'} to log in to NATS, expected one of two; give ` +
        'DISTILLERY_NATS_CREDS_FILE and DISTILLERY_NATS_SIGNING_KEY_FILE, or a user and a password file each for the ' +
        'operator (DISTILLERY_NATS_…) and for workers (DISTILLERY_WORKER_NATS_…)',
    );
  }
  const url = settings.DISTILLERY_NATS_URL;
  const common = {
    url,
    workerUrl: settings.DISTILLERY_WORKER_NATS_URL === '' ? url : settings.DISTILLERY_WORKER_NATS_URL,
  };
  const secret = (name: SecretName): string => secretIn(settings, name, problems);
  if (isByPassword) {
    const login = (user: 'DISTILLERY_NATS_USER' | 'DISTILLERY_WORKER_NATS_USER', passwordFile: SecretName): Login => {
      if (settings[user] === '')
        problems.push(`${user}: found nothing, expected a user beside the other one; name one, it may be the same`);
      return { user: settings[user], password: secret(passwordFile) };
    };
    const operator = login('DISTILLERY_NATS_USER', 'DISTILLERY_NATS_PASSWORD_FILE');
    const workers = login('DISTILLERY_WORKER_NATS_USER', 'DISTILLERY_WORKER_NATS_PASSWORD_FILE');
    return { ...common, auth: { kind: 'password', operator, workers } };
  }
  if (isSigned) secret('DISTILLERY_NATS_CREDS_FILE');
  const seed = isSigned ? secret('DISTILLERY_NATS_SIGNING_KEY_FILE') : '';
  if (seed !== '' && !accountSeed.test(seed)) {
    problems.push(
      `DISTILLERY_NATS_SIGNING_KEY_FILE: found something else in ${signingFile}, expected the seed of an account's signing ` +
        'key, which begins with SA; take it from nsc',
    );
  }
  return { ...common, auth: { kind: 'signed', credsFile, seed } };
}

type SecretName = Extract<VariableName, `${string}_FILE`>;

/** @returns what the file holds; empty when that was a problem */
function secretIn(settings: Settings, name: SecretName, problems: string[]): string {
  const path = settings[name];
  if (path === '') {
    problems.push(`${name}: found nothing, expected the path of a file; mount the secret and name its file`);
    return '';
  }
  try {
    const secret = readTextSync(path).trim();
    if (secret === '') problems.push(`${name}: found ${path} empty, expected a secret in it; mount the right key`);
    return secret;
  } catch (error) {
    problems.push(`${name}: found that ${path} cannot be read (${reasonOf(error)}), expected a secret in it; mount it`);
    return '';
  }
}
