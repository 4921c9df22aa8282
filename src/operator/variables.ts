/**
 * The operator's environment variables: for each its meaning, its schema, what it accepts and what to do about a wrong value.
 * config.ts reads them; docs/reference/operator.md is generated from here, and a test holds the chart to it.
 */
import { NatsAddress, NatsAddressError } from '@distillery/protocol';
import { collectorForm, defaultRatio, isCollectorUrl, ratioForm, ratioOf } from '@distillery/tracing';
import { z } from 'zod';

import {
  defaultAccelerators,
  type LimitSetting,
  parseLimit,
  parseNamespaceWeights,
  parseReserve,
  type Reserve,
} from '../domain/index.js';
import type { AccountLimits } from '../stream/index.js';

import { parseAccountLimits, parseNamespaceLimits } from './account-limits.js';
import { type Configuration, configurationFields, type Field } from './configuration.js';

export interface Variable<T> {
  readonly meaning: string;
  /** The value of a variable that is absent or empty; null = the variable is required. */
  readonly fallback: string | null;
  /** The accepted values, as a clause after "expected". */
  readonly expected: string;
  /** What to do about another value. */
  readonly remedy: string;
  readonly schema: z.ZodType<T>;
  /** The value may hold a login by mistake, so no message quotes it. */
  readonly mayHoldSecret?: true;
  /** The field of the configuration file that sets the same; the variable wins. */
  readonly field?: { readonly path: string; readonly of: (configuration: Configuration) => number };
}

/** The address in its one form: without quotes, in lower case, with ports. */
const natsUrls = z
  .string()
  .refine(isBareNatsAddress)
  .transform((text) => NatsAddress.parse(text).toString());
/** Names of extended resources as the API server accepts them, with `*` for any characters. */
const resourcePattern = /^[a-z0-9*][-a-z0-9.*]*\/[A-Za-z0-9*][-A-Za-z0-9_.*]*$/;
const namespaceName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

function isBareNatsAddress(text: string): boolean {
  try {
    return NatsAddress.parse(text).login.kind === 'none';
  } catch (error) {
    if (error instanceof NatsAddressError) return false;
    throw error;
  }
}

function whole(least: number, most: number, fallback: number, meaning: string): Variable<number> {
  return {
    meaning,
    fallback: String(fallback),
    expected: `a whole number from ${least} to ${most}`,
    remedy: `change it, or leave it out for ${fallback}`,
    schema: z
      .string()
      .regex(/^\d{1,9}$/)
      .transform(Number)
      .pipe(z.number().min(least).max(most)),
  };
}

/** A variable that sets the same as a field of the configuration file. */
function sameAs<S extends keyof Configuration>(section: S, name: keyof Configuration[S] & string): Variable<number> {
  const fields: Readonly<Record<string, Field>> = configurationFields[section];
  const field = fields[name];
  if (field === undefined) throw new Error(`${section}.${name} is not a field of the configuration`);
  const { least, most, fallback, meaning } = field;
  return {
    ...whole(least, most, fallback, meaning),
    field: { path: `${section}.${name}`, of: (configuration) => configuration[section][name] },
  };
}

function oneOf<const T extends string>(words: readonly [T, ...T[]], fallback: T, meaning: string): Variable<T> {
  return {
    meaning,
    fallback,
    expected: `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`,
    remedy: `change it, or leave it out for ${fallback}`,
    schema: z.enum(words),
  };
}

function text(fallback: string, meaning: string): Variable<string> {
  return { meaning, fallback, expected: 'a text', remedy: 'change it', schema: z.string() };
}

function listOf(item: RegExp): z.ZodType<readonly string[]> {
  return z
    .string()
    .transform((list) =>
      list
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== ''),
    )
    .pipe(z.array(z.string().regex(item)))
    .transform((names): readonly string[] => [...new Set(names)]);
}

/** A limit for each job: one number for all namespaces, others for some. */
function limit(least: number, most: number, example: string, meaning: string): Variable<LimitSetting> {
  return {
    meaning: `${meaning} For example \`${example}\`: NUMBER for every namespace, NAMESPACE=NUMBER for one. Empty: no limit.`,
    fallback: '',
    expected: `NUMBER and NAMESPACE=NUMBER, several with commas, each from ${least} to ${most}, such as ${example}`,
    remedy: 'change it, or leave it out for no limit',
    schema: z.string().transform((text, context): LimitSetting => {
      const setting = parseLimit(text, least, most);
      if (setting === null) context.addIssue('not a limit');
      return setting ?? { others: null, namespaces: {} };
    }),
  };
}

/** Names with `*` for any characters, or `none`: an empty variable would count as absent. */
function patterns(fallback: string, meaning: string): Variable<readonly string[]> {
  return {
    meaning: `${meaning} Comma-separated patterns; \`*\` matches any characters, \`none\` allows no name.`,
    fallback,
    expected: 'names with commas between them, * for any characters, or none',
    remedy: `change it, or leave it out for ${fallback}`,
    schema: listOf(/^[-A-Za-z0-9_./*:@]+$/).transform((names) => names.filter((name) => name !== 'none')),
  };
}

const limitsExpected = 'storage=SIZE, memory=SIZE, streams=N, consumers=N, connections=N with commas between them';

/** @param parse returns null for a text that is not valid */
function parsedBy<T>(parse: (text: string) => T | null): z.ZodType<T> {
  return z.string().transform((text, context): T => {
    const parsed = parse(text);
    if (parsed !== null) return parsed;
    context.addIssue('refused');
    return z.NEVER;
  });
}

const file = (meaning: string): Variable<string> => text('', meaning);

export const operatorVariables = {
  DISTILLERY_CONFIG_FILE: file(
    'Path of the configuration file (docs/reference/operator-configuration.md). Empty: every field has its default.',
  ),
  DISTILLERY_KUBECONFIG: file('Path of a kubeconfig. Empty: the ServiceAccount of the pod that the operator runs in.'),
  DISTILLERY_NAMESPACE: text('default', 'Namespace of the Lease that elects the leader among the replicas.'),
  DISTILLERY_POD_NAME: text('', 'Name of the pod. It identifies the replica in the Lease.'),
  DISTILLERY_WATCH_NAMESPACES: {
    meaning: 'Comma-separated namespaces to watch. Empty: all.',
    fallback: '',
    expected: 'names of namespaces with commas between them',
    remedy: 'change it, or leave it out for all namespaces',
    schema: listOf(namespaceName),
  },
  DISTILLERY_NATS_URL: {
    meaning: 'Comma-separated NATS servers: `nats://host:port` or `tls://host:port`.',
    fallback: null,
    expected: 'nats://host:port or tls://host:port without user and password, several with commas',
    remedy: 'name the NATS server; users and passwords come from files',
    schema: natsUrls,
    mayHoldSecret: true,
  },
  DISTILLERY_NATS_OPERATOR_SIGNING_KEY_FILE: file(
    'File with the seed (`SO…`) of a signing key of the NATS operator. With it, the operator creates one account per namespace, which isolates namespaces (ADR 14).',
  ),
  DISTILLERY_NATS_SYSTEM_CREDS_FILE: file(
    'A .creds file of a user of the system account, which the operator uses to push accounts to the server. Read again at each reconnect. Required with the key above.',
  ),
  DISTILLERY_NATS_ACCOUNTS_KEY_FILE: file(
    'File with the seed (`SO…`) from which the keys of the accounts are derived. Empty: the signing key. Set it to the first signing key when you rotate the signing key, so that accounts and streams stay.',
  ),
  DISTILLERY_NATS_ACCOUNT_LIMITS: {
    meaning:
      'Limits of the account of each namespace, comma-separated: `storage` and `memory` (bytes that its streams may reserve, counting every replica), `streams` (a job has 6), `consumers` (a job has 2), `connections`. An omitted limit is that of the server.',
    fallback: 'streams=1000,consumers=1000,connections=5000',
    expected: limitsExpected,
    remedy: 'change it, or leave it out for the default',
    schema: parsedBy<AccountLimits>(parseAccountLimits),
  },
  DISTILLERY_NATS_NAMESPACE_LIMITS: {
    meaning:
      'Other limits for single namespaces, such as `team-a:storage=1Ti,streams=2000;team-b:storage=10Gi`. An omitted limit is that of DISTILLERY_NATS_ACCOUNT_LIMITS.',
    fallback: '',
    expected: `NAMESPACE:LIMITS, several with semicolons, LIMITS being ${limitsExpected}`,
    remedy: 'change it, or leave it out for the same limits everywhere',
    schema: parsedBy<ReadonlyMap<string, Partial<AccountLimits>>>(parseNamespaceLimits),
  },
  DISTILLERY_NATS_CREDS_FILE: file(
    'One account for all jobs: a .creds file with which the operator logs in to a server in operator mode. Read again at each reconnect.',
  ),
  DISTILLERY_NATS_SIGNING_KEY_FILE: file(
    'File with the seed (`SA…`) of a signing key of the same account. It signs a user for each role of each job.',
  ),
  DISTILLERY_NATS_USER: text('', 'User of the operator, on a server with users and passwords.'),
  DISTILLERY_NATS_PASSWORD_FILE: file('File with the password of that user.'),
  DISTILLERY_WORKER_NATS_URL: {
    meaning:
      'Comma-separated NATS servers for worker pods, if they reach them by other addresses. Empty: DISTILLERY_NATS_URL.',
    fallback: '',
    expected: 'nats://host:port or tls://host:port without user and password, several with commas',
    remedy: 'change it, or leave it out for DISTILLERY_NATS_URL',
    schema: z.literal('').or(natsUrls),
    mayHoldSecret: true,
  },
  DISTILLERY_NATS_CA_FILE: file(
    "File with the PEM certificates of the authority that signed the NATS server's certificate, for `tls://`. The operator and all workers then trust no other. Empty: the usual authorities. Read again at every connection, and copied into the Secret of each job.",
  ),
  DISTILLERY_NATS_CERT_FILE: file(
    "File with the operator's own certificate, for a server that asks clients for one. Read again at every connection.",
  ),
  DISTILLERY_NATS_KEY_FILE: file('File with the key of that certificate.'),
  DISTILLERY_WORKER_NATS_CERT_FILE: file(
    'File with the certificate that all workers show to NATS. It is copied into the Secret of each job, again after it changed.',
  ),
  DISTILLERY_WORKER_NATS_KEY_FILE: file('File with the key of that certificate.'),
  DISTILLERY_WORKER_NATS_USER: text(
    '',
    'One user for the workers of all jobs, on a server with users and passwords. Use it only where all jobs trust each other.',
  ),
  DISTILLERY_WORKER_NATS_PASSWORD_FILE: file('File with the password of that user.'),
  DISTILLERY_WORKER_IMAGE: {
    meaning: 'Image of teachers and students for jobs that name none.',
    fallback: null,
    expected: 'an image such as registry.example/distillery/worker:0.1.0',
    remedy: 'name the image of teachers and students',
    schema: z.string().regex(/^\S+$/),
  },
  DISTILLERY_WORKER_GPU_IMAGE: {
    meaning:
      'Default image of teachers and students whose pods request an accelerator (DISTILLERY_ACCELERATORS). Empty: DISTILLERY_WORKER_IMAGE.',
    fallback: '',
    expected: 'an image such as registry.example/distillery/worker-gpu:0.1.0',
    remedy: 'change it, or leave it out for DISTILLERY_WORKER_IMAGE',
    schema: z.string().regex(/^\S*$/),
  },
  DISTILLERY_STUDENT_GPU_IMAGE: {
    meaning: 'Default image of students whose pods request an accelerator. Empty: DISTILLERY_WORKER_GPU_IMAGE.',
    fallback: '',
    expected: 'an image such as registry.example/distillery/student-gpu:0.1.0',
    remedy: 'change it, or leave it out for DISTILLERY_WORKER_GPU_IMAGE',
    schema: z.string().regex(/^\S*$/),
  },
  DISTILLERY_WORKER_IMAGE_PULL_POLICY: oneOf(
    ['Always', 'IfNotPresent', 'Never'],
    'IfNotPresent',
    'Pull policy of these images.',
  ),
  DISTILLERY_WORKER_CACHE_GIB: whole(
    1,
    1_000_000,
    50,
    'Size limit, in GiB, of the volume with copies of remote files, in each worker pod of a job that names `https://` or `s3://`. Raise it for data sets that are larger.',
  ),
  DISTILLERY_WORKER_BUCKET_PORTS: {
    meaning:
      'Comma-separated TCP ports that the NetworkPolicy of a job with `s3://` opens. Name those of your S3 servers (`AWS_ENDPOINT_URL`), for example `443,9000`.',
    fallback: '443',
    expected: 'ports with commas between them, such as 443,9000',
    remedy: 'change it, or leave it out for 443',
    schema: listOf(/^[1-9]\d{0,4}$/)
      .transform((ports) => ports.map(Number))
      .pipe(z.array(z.number().max(65_535))),
  },
  DISTILLERY_TEACHER_PRIORITY_CLASS: text(
    'distillery-teacher',
    'Existing PriorityClass for teacher pods. Its value must be below -10 and its preemptionPolicy Never.',
  ),
  DISTILLERY_RESERVE: {
    meaning:
      'Slots that teachers leave free for other pods, by resource: a number, or a percentage of what all nodes have, such as `nvidia.com/gpu=2,amd.com/gpu=10%`. Empty: none.',
    fallback: '',
    expected: 'RESOURCE=NUMBER or RESOURCE=PERCENT%, several with commas',
    remedy: 'change it, or leave it out to hold nothing back',
    schema: z.string().transform((text, context): Reserve => {
      const reserve = parseReserve(text);
      if (reserve === null) context.addIssue('not a reserve');
      return reserve ?? {};
    }),
  },
  DISTILLERY_NAMESPACE_WEIGHTS: {
    meaning:
      'Weights by which namespaces share slots, such as `team-a=3,team-b=2`. A namespace without one has 1. `spec.weight` counts only within a namespace.',
    fallback: '',
    expected: 'NAMESPACE=NUMBER, several with commas, each from 1 to 1000, such as team-a=3,team-b=2',
    remedy: 'change it, or leave it out for equal shares',
    schema: z.string().transform((text, context): Readonly<Record<string, number>> => {
      const weights = parseNamespaceWeights(text);
      if (weights === null) context.addIssue('no weights');
      return weights ?? {};
    }),
  },
  DISTILLERY_LIMIT_WEIGHT: limit(
    1,
    1_000,
    '10,team-a=100',
    'Largest `spec.weight` of a job. A larger one counts as this limit, and the job says so.',
  ),
  DISTILLERY_LIMIT_MIN_REPLICAS: limit(
    0,
    160_000,
    '4,team-a=32',
    'Largest sum of `minReplicas` over the pools of a job. A larger sum counts as this limit, filled from the first pool on, and the job says so.',
  ),
  DISTILLERY_LIMIT_LOGITS_BYTES: limit(
    2 ** 24,
    2 ** 50,
    '10Gi,team-a=100Gi',
    'Largest `spec.logits.maxBytes` of a job. A job that asks for more is refused, unless it was accepted before.',
  ),
  DISTILLERY_LIMIT_TTL_SECONDS: limit(
    0,
    2_147_483_647,
    '86400,team-a=604800',
    'Longest `spec.ttlSecondsAfterFinished` of a job. A longer one counts as this limit, and the job says so. A job that has ended before the limit changes keeps its own time.',
  ),
  DISTILLERY_ACCELERATORS: {
    meaning:
      'Comma-separated names of resources that are accelerators; `*` matches any characters. Devices that are claimed through DRA need no name here.',
    fallback: defaultAccelerators.join(','),
    expected: 'names of extended resources such as nvidia.com/gpu or nvidia.com/mig-* with commas between them',
    remedy: 'change it, or leave it out for the usual ones',
    schema: listOf(resourcePattern),
  },
  DISTILLERY_TEMPLATE_ANNOTATIONS: patterns(
    'none',
    'Annotations and labels that templates of jobs may set although they can give a pod rights (networks, cloud roles, devices, sidecars), such as `k8s.v1.cni.cncf.io/networks`.',
  ),
  DISTILLERY_TEMPLATE_SECRETS: patterns(
    '*',
    'Secrets that jobs may name, in a `secretRef` or in a template. The credentials of jobs are always refused.',
  ),
  DISTILLERY_TEMPLATE_IMAGES: patterns(
    '*',
    'Images that templates of jobs may name, such as `registry.example/ml/*`. The images of the operator itself are always allowed: a template that names none gets them.',
  ),
  DISTILLERY_TEMPLATE_TOLERATIONS: patterns(
    '*',
    'Keys of taints that templates of jobs may tolerate. A toleration without a key tolerates every taint and needs `*`.',
  ),
  DISTILLERY_STUDENT_PRIORITY_CLASSES: patterns(
    '*',
    'PriorityClasses that a student may have. Those that begin with `system-` need a pattern that begins so.',
  ),
  DISTILLERY_METRICS_PORT: whole(
    0,
    65_535,
    8_080,
    'Port of /metrics, /livez and /readyz. 0: any free port; the log names it.',
  ),
  DISTILLERY_API_QPS: sameAs('apiServer', 'qps'),
  DISTILLERY_API_BURST: sameAs('apiServer', 'burst'),
  DISTILLERY_LEASE_SECONDS: sameAs('leaderElection', 'leaseSeconds'),
  DISTILLERY_ORPHAN_SECONDS: sameAs('streams', 'orphanSeconds'),
  DISTILLERY_RECONCILE_WORKERS: sameAs('reconcile', 'workers'),
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    meaning:
      'Address of a collector of traces (OTLP over HTTP); `/v1/traces` is appended. The operator and the workers of all jobs send it their spans. Empty: nothing is traced.',
    fallback: '',
    expected: collectorForm,
    remedy: 'change it, or leave it out to trace nothing',
    schema: z.string().refine((url) => url === '' || isCollectorUrl(url)),
    mayHoldSecret: true,
  },
  OTEL_TRACES_SAMPLER_ARG: {
    meaning: 'Fraction of training steps and of reconciles that are traced.',
    fallback: String(defaultRatio),
    expected: ratioForm,
    remedy: `change it, or leave it out for ${String(defaultRatio)}`,
    schema: z.string().transform((text, context): number => {
      const ratio = ratioOf(text);
      if (ratio === null) context.addIssue('not a ratio');
      return ratio ?? 0;
    }),
  },
  DISTILLERY_LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error'], 'info', 'Minimum log level.'),
} satisfies Record<string, Variable<unknown>>;

export type OperatorVariables = typeof operatorVariables;
export type VariableName = keyof OperatorVariables;
/** The values of the variables, each with its type. */
export type Settings = {
  readonly [N in VariableName]: OperatorVariables[N] extends Variable<infer T> ? T : never;
};
