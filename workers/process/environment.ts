/**
 * The environment of a worker, read in this one file (docs/protocol.md "Environment"). A cluster sets the same
 * variables in the pod as the local engine sets for a child process (I9).
 */
import { within } from '@distillery/base';
import {
  imageNativeFolder,
  type Manifest,
  ManifestError,
  parseManifest,
  type RuntimeChoice,
  runtimeChoices,
} from '@distillery/protocol';
import {
  collectorForm,
  isCollectorUrl,
  ratioForm,
  ratioOf,
  tracingOf,
  type TracingSettings,
} from '@distillery/tracing';
import { z } from 'zod';

import type { CredentialSource, PlaceUse } from '../places/index.js';
import { loginProblems, readLogin, readText, WorkerError, type WorkerLogin, type WorkerTls } from '../base/index.js';

const text = (what: string): z.ZodString => z.string(what).min(1, what);
const podName = 'a name of 1 to 253 letters, digits, dashes or underscores';

/** A message says what is expected. */
const environmentSchema = z.object({
  DISTILL_MANIFEST: text('the path of the job manifest'),
  DISTILL_NATS_URL: text('nats://host:port or tls://host:port'),
  /** PEM files for tls://, read again at every connection. */
  DISTILL_NATS_CA_FILE: z.string().default(''),
  DISTILL_NATS_CERT_FILE: z.string().default(''),
  DISTILL_NATS_KEY_FILE: z.string().default(''),
  DISTILL_POD: z.string(podName).regex(/^[A-Za-z0-9_-]{1,253}$/, podName),
  DISTILL_POOL: z.string().max(63, 'at most 63 characters').default(''),
  /** Threads of one teacher's inference. */
  DISTILL_THREADS: z
    .string()
    .regex(/^\d{1,3}$/, 'a whole number from 1 to 256')
    .transform(Number)
    .refine((threads) => threads >= 1 && threads <= 256, 'a whole number from 1 to 256')
    .default(1),
  /** Of training and of inference alike. */
  DISTILL_RUNTIME: z.enum(runtimeChoices, `one of ${runtimeChoices.join(', ')}`).default('auto'),
  /** What `npm run native` built; empty = the image's, `none` = there is none. */
  DISTILL_NATIVE_FOLDER: z
    .string()
    .regex(/^(|none|\/.*)$/, 'an absolute path, or none')
    .transform((folder) => (folder === 'none' ? null : folder === '' ? imageNativeFolder : folder))
    .default(imageNativeFolder),
  /** Folder for `store: file` and for results. */
  DISTILL_FOLDER: z.string().default(''),
  /** Folder for copies of remote files; empty = remote places are refused. */
  DISTILL_CACHE_FOLDER: z
    .string()
    .regex(/^(|\/.*)$/, 'an absolute path')
    .default(''),
  /** Largest size of that folder; empty = half of what its disk has free, at most 50 GiB. */
  DISTILL_CACHE_BYTES: z
    .string()
    .regex(/^(|[1-9]\d{0,15})$/, 'a number of bytes')
    .transform((bytes) => (bytes === '' ? null : Number(bytes)))
    .default(null),
  /** Folders with a file for each key of a Secret; empty = the variables of AWS. */
  DISTILL_DATASET_CREDENTIALS: z.string().default(''),
  DISTILL_MODEL_CREDENTIALS: z.string().default(''),
  DISTILL_CHECKPOINT_CREDENTIALS: z.string().default(''),
  DISTILL_OUTPUT_CREDENTIALS: z.string().default(''),
  DISTILL_TERMINATION_LOG: z.string().default('/dev/termination-log'),
  /** "1": standard input is a pipe from the owner; its end means that the owner is gone. */
  DISTILL_OWNER_PIPE: z.enum(['0', '1'], 'one of 0, 1').default('0'),
  /** The collector of traces (OTLP over HTTP); empty = the worker does not trace. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .string()
    .refine((url) => url === '' || isCollectorUrl(url), collectorForm)
    .default(''),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .refine((ratio) => ratio === '' || ratioOf(ratio) !== null, ratioForm)
    .default(''),
  DISTILL_LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error'], 'one of trace, debug, info, warn, error')
    .default('info'),
});

/** What reaches remote places. */
export interface PlacesEnvironment {
  readonly cache: { readonly folder: string; readonly maxBytes: number | null };
  readonly credentials: Readonly<Record<PlaceUse, CredentialSource>>;
}

export interface WorkerEnvironment extends PlacesEnvironment {
  readonly manifest: Manifest;
  readonly nats: { readonly url: string; readonly login: WorkerLogin; readonly tls: WorkerTls };
  readonly pod: string;
  readonly pool: string;
  readonly threads: number;
  readonly runtime: RuntimeChoice;
  /** Folder of a build of TensorFlow, for the runtime `native`; null = there is none. */
  readonly nativeFolder: string | null;
  readonly folder: string;
  readonly terminationLog: string;
  readonly ownerPipe: boolean;
  /** null = off. */
  readonly tracing: TracingSettings | null;
  readonly logLevel: string;
}

/** @throws WorkerError (terminal) naming every wrong variable, or the manifest's field */
export function readEnvironment(variables: NodeJS.ProcessEnv): WorkerEnvironment {
  const env = parsed(environmentSchema, variables, loginProblems(variables));
  return {
    manifest: readManifest(env.DISTILL_MANIFEST),
    nats: { url: env.DISTILL_NATS_URL, login: readLogin(variables), tls: tlsOf(env) },
    ...placesIn(env, variables),
    pod: env.DISTILL_POD,
    pool: env.DISTILL_POOL,
    threads: env.DISTILL_THREADS,
    runtime: env.DISTILL_RUNTIME,
    nativeFolder: env.DISTILL_NATIVE_FOLDER,
    folder: env.DISTILL_FOLDER,
    terminationLog: env.DISTILL_TERMINATION_LOG,
    ownerPipe: env.DISTILL_OWNER_PIPE === '1',
    tracing: tracingOf(env),
    logLevel: env.DISTILL_LOG_LEVEL,
  };
}

function tlsOf(
  env: Pick<
    z.infer<typeof environmentSchema>,
    'DISTILL_NATS_CA_FILE' | 'DISTILL_NATS_CERT_FILE' | 'DISTILL_NATS_KEY_FILE'
  >,
): WorkerTls {
  const { DISTILL_NATS_CA_FILE: caFile, DISTILL_NATS_CERT_FILE: certFile, DISTILL_NATS_KEY_FILE: keyFile } = env;
  return {
    ...(caFile === '' ? {} : { caFile }),
    ...(certFile === '' ? {} : { certFile }),
    ...(keyFile === '' ? {} : { keyFile }),
  };
}

/** The part that labeling without any stream needs. @throws WorkerError as `readEnvironment` does */
export function readLabelingEnvironment(
  variables: NodeJS.ProcessEnv,
): Pick<WorkerEnvironment, 'manifest' | 'threads' | 'runtime' | 'nativeFolder' | keyof PlacesEnvironment> {
  const env = parsed(environmentSchema.pick(labelingVariables), variables);
  return {
    manifest: readManifest(env.DISTILL_MANIFEST),
    threads: env.DISTILL_THREADS,
    runtime: env.DISTILL_RUNTIME,
    nativeFolder: env.DISTILL_NATIVE_FOLDER,
    ...placesIn(env, variables),
  };
}

const placesVariables = {
  DISTILL_CACHE_FOLDER: true,
  DISTILL_CACHE_BYTES: true,
  DISTILL_DATASET_CREDENTIALS: true,
  DISTILL_MODEL_CREDENTIALS: true,
  DISTILL_CHECKPOINT_CREDENTIALS: true,
  DISTILL_OUTPUT_CREDENTIALS: true,
} as const;
const labelingVariables = {
  DISTILL_MANIFEST: true,
  DISTILL_THREADS: true,
  DISTILL_RUNTIME: true,
  DISTILL_NATIVE_FOLDER: true,
  ...placesVariables,
} as const;

function placesIn(
  env: Pick<z.infer<typeof environmentSchema>, keyof typeof placesVariables>,
  variables: NodeJS.ProcessEnv,
): PlacesEnvironment {
  const values = Object.fromEntries(Object.entries(variables).filter(([name]) => name.startsWith('AWS_')));
  const from = (folder: string): CredentialSource =>
    folder === '' ? { kind: 'variables', values } : { kind: 'folder', path: folder };
  return {
    cache: { folder: env.DISTILL_CACHE_FOLDER, maxBytes: env.DISTILL_CACHE_BYTES },
    credentials: {
      dataset: from(env.DISTILL_DATASET_CREDENTIALS),
      model: from(env.DISTILL_MODEL_CREDENTIALS),
      checkpoint: from(env.DISTILL_CHECKPOINT_CREDENTIALS),
      output: from(env.DISTILL_OUTPUT_CREDENTIALS),
    },
  };
}

/** Variables whose values may hold a login: a message never quotes them. */
const secret = /^(DISTILL_NATS_(URL|USER)|OTEL_EXPORTER_OTLP_ENDPOINT)$/;

/** @param others problems beside the schema's: variable and what was expected */
function parsed<T>(
  schema: z.ZodType<T>,
  variables: NodeJS.ProcessEnv,
  others: readonly (readonly [string, string])[] = [],
): T {
  const result = schema.safeParse(variables);
  if (result.success && others.length === 0) return result.data;
  const issues = result.error?.issues.map(({ path, message }) => [String(path[0]), message] as const) ?? [];
  const problems = [...issues, ...others].map(([variable, expected]) => {
    const value = variables[variable];
    const found =
      value === undefined ? 'nothing' : value !== '' && secret.test(variable) ? 'another value' : JSON.stringify(value);
    return `${variable}: found ${found}, expected ${expected}`;
  });
  throw new WorkerError('terminal', {
    about: 'environment',
    problem: problems.join('; '),
    remedy: 'set these variables as the operator does (docs/protocol.md)',
  });
}

function readManifest(file: string): Manifest {
  const text = readText(file, 'job manifest');
  try {
    return parseManifest(text);
  } catch (error) {
    if (error instanceof ManifestError) throw new WorkerError('terminal', within(file, error.fault), { cause: error });
    throw error;
  }
}
