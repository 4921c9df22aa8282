/** The operator's settings, read from the environment once; docs/operator.md lists them. */
import { readFileSync } from 'node:fs';

import { z } from 'zod';

import { reasonOf } from './lib/system-error.js';

const whole = (least: number, most: number, otherwise: number) =>
  z.coerce
    .number(`a whole number from ${String(least)} to ${String(most)}`)
    .int()
    .min(least)
    .max(most)
    .default(otherwise);

const environmentSchema = z.object({
  /** Empty: what a pod finds mounted. */
  DISTILLERY_KUBECONFIG: z.string().default(''),
  DISTILLERY_NATS_URL: z.string('nats://host:port').min(1, 'nats://host:port'),
  DISTILLERY_NATS_CREDS_FILE: z.string().default(''),
  DISTILLERY_NATS_USER: z.string().default(''),
  DISTILLERY_NATS_PASSWORD_FILE: z.string().default(''),
  /** Seed that signs the users of workers; empty: workers log in by user and password. */
  DISTILLERY_NATS_SIGNING_KEY_FILE: z.string().default(''),
  DISTILLERY_WORKER_NATS_URL: z.string().default(''),
  DISTILLERY_WORKER_NATS_USER: z.string().default(''),
  DISTILLERY_WORKER_NATS_PASSWORD_FILE: z.string().default(''),
  DISTILLERY_WORKER_IMAGE: z.string('the image of teachers and students').min(1, 'the image of teachers and students'),
  DISTILLERY_WORKER_IMAGE_PULL_POLICY: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent'),
  DISTILLERY_TEACHER_PRIORITY_CLASS: z.string().default('distillery-teacher'),
  DISTILLERY_NAMESPACE: z.string().default('default'),
  DISTILLERY_POD_NAME: z.string().default(''),
  DISTILLERY_WATCH_NAMESPACES: z.string().default(''),
  DISTILLERY_METRICS_PORT: whole(0, 65_535, 8_080),
  DISTILLERY_API_QPS: whole(1, 10_000, 50),
  DISTILLERY_API_BURST: whole(1, 10_000, 100),
  DISTILLERY_LEASE_SECONDS: whole(3, 600, 15),
  DISTILLERY_RECONCILE_WORKERS: whole(1, 256, 8),
  DISTILLERY_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
  KUBERNETES_SERVICE_HOST: z.string().default(''),
  KUBERNETES_SERVICE_PORT: z.string().default(''),
});

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
    readonly login: { readonly kind: 'creds'; readonly file: string } | ({ readonly kind: 'password' } & Login);
    readonly workerUrl: string;
    readonly workers: { readonly kind: 'signed'; readonly seed: string } | ({ readonly kind: 'password' } & Login);
  };
  readonly worker: {
    readonly image: string;
    readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
    readonly teacherPriorityClass: string;
  };
  readonly namespace: string;
  readonly podName: string;
  readonly watchNamespaces: readonly string[];
  readonly metricsPort: number;
  readonly apiQps: number;
  readonly apiBurst: number;
  readonly leaseSeconds: number;
  readonly reconcileWorkers: number;
  readonly logLevel: string;
}

/** What is wrong with the settings, all of it at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** @throws ConfigError */
export function readOperatorConfig(environment: NodeJS.ProcessEnv): OperatorConfig {
  const parsed = environmentSchema.safeParse(environment);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path: [name], message }) => {
      const found = environment[String(name)];
      return `${String(name)}: found ${found === undefined ? 'nothing' : JSON.stringify(found)}, expected ${message}`;
    });
    throw new ConfigError(`${problems.join('\n')}\nset them in the operator's environment (docs/operator.md)`);
  }
  const env = parsed.data;
  return {
    access:
      env.DISTILLERY_KUBECONFIG === ''
        ? { kind: 'pod', host: env.KUBERNETES_SERVICE_HOST, port: env.KUBERNETES_SERVICE_PORT }
        : { kind: 'file', path: env.DISTILLERY_KUBECONFIG },
    nats: {
      url: env.DISTILLERY_NATS_URL,
      login:
        env.DISTILLERY_NATS_CREDS_FILE === ''
          ? {
              kind: 'password',
              user: env.DISTILLERY_NATS_USER,
              password: secretIn(env.DISTILLERY_NATS_PASSWORD_FILE, 'DISTILLERY_NATS_PASSWORD_FILE'),
            }
          : { kind: 'creds', file: env.DISTILLERY_NATS_CREDS_FILE },
      workerUrl: env.DISTILLERY_WORKER_NATS_URL === '' ? env.DISTILLERY_NATS_URL : env.DISTILLERY_WORKER_NATS_URL,
      workers:
        env.DISTILLERY_NATS_SIGNING_KEY_FILE === ''
          ? {
              kind: 'password',
              user: env.DISTILLERY_WORKER_NATS_USER,
              password: secretIn(env.DISTILLERY_WORKER_NATS_PASSWORD_FILE, 'DISTILLERY_WORKER_NATS_PASSWORD_FILE'),
            }
          : {
              kind: 'signed',
              seed: secretIn(env.DISTILLERY_NATS_SIGNING_KEY_FILE, 'DISTILLERY_NATS_SIGNING_KEY_FILE'),
            },
    },
    worker: {
      image: env.DISTILLERY_WORKER_IMAGE,
      imagePullPolicy: env.DISTILLERY_WORKER_IMAGE_PULL_POLICY,
      teacherPriorityClass: env.DISTILLERY_TEACHER_PRIORITY_CLASS,
    },
    namespace: env.DISTILLERY_NAMESPACE,
    podName: env.DISTILLERY_POD_NAME,
    watchNamespaces: env.DISTILLERY_WATCH_NAMESPACES.split(',').flatMap((name) =>
      name.trim() === '' ? [] : name.trim(),
    ),
    metricsPort: env.DISTILLERY_METRICS_PORT,
    apiQps: env.DISTILLERY_API_QPS,
    apiBurst: env.DISTILLERY_API_BURST,
    leaseSeconds: env.DISTILLERY_LEASE_SECONDS,
    reconcileWorkers: env.DISTILLERY_RECONCILE_WORKERS,
    logLevel: env.DISTILLERY_LOG_LEVEL,
  };
}

function secretIn(file: string, variable: string): string {
  if (file === '') return '';
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new ConfigError(
      `${variable}: found that ${file} cannot be read (${reasonOf(error)}), expected a secret; mount it`,
    );
  }
}
