/**
 * What the commands of a cluster ask of an API server, with the person's own rights. Of a job it writes only the fields that
 * a person names (`changeJob`), under a field manager of its own.
 */
import { printableUrl, problemOf, reasonOf, version } from '@distillery/base';
import { systemClock } from '@distillery/platform';

import type { DistillJob } from '../../api/index.js';
import {
  AccessError,
  apiClient,
  type ApiClient,
  ApiError,
  Budget,
  type ContextAccess,
  credentialsError,
  type DeviceObjects,
  type KubeconfigFiles,
  kinds,
  listDevices,
  loadAccess,
  podLog,
  type PodLogOptions,
  type ResourceKind,
  type StoredObject,
  Transport,
} from '../../cluster/kubernetes/index.js';

import { CliError } from '../shared/cli-error.js';

import type { SeenCluster } from './cluster-snapshot.js';
import type { JobReader } from './job-reader.js';

export interface ClusterOptions {
  /** The files that the person names, or those that kubectl finds. */
  readonly files: KubeconfigFiles;
  /** Absent = the current one. */
  readonly context: string | undefined;
  /** Where a pod finds the API server; empty strings outside of a pod. */
  readonly pod: { readonly host: string; readonly port: string };
  readonly stop: AbortSignal;
}

/** Which objects of a kind. */
export interface Selection {
  /** Absent = all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** Every method throws CliError. */
export interface ClusterReader extends JobReader {
  /** The API server's address, for people. */
  readonly server: string;
  /** Reads everything that a plan is made from. */
  readCluster(): Promise<SeenCluster>;
  list(kind: ResourceKind, selection: Selection): Promise<StoredObject[]>;
  /** Of all nodes and namespaces; null where they may not be listed, or are none: an older cluster or an older role. */
  readDevices(): Promise<DeviceObjects | null>;
  /** @returns null when there is no such job */
  jobObject(namespace: string, name: string): Promise<StoredObject | null>;
  /**
   * Merges fields into a job. @param patch with metadata.resourceVersion: only if the job is still of that version
   * @returns the job, or `changed` when it is of another version by now
   */
  changeJob(
    namespace: string,
    name: string,
    patch: Readonly<Record<string, unknown>>,
  ): Promise<StoredObject | 'changed'>;
  /** Lines with the time before each; ends with the container, or with the signal of the command. */
  log(options: Omit<PodLogOptions, 'signal'>): AsyncIterable<string>;
}

const requestMs = 15_000;
const pageSize = 1_000;
/** For a command that asks a few hundred times at most. */
const requestBudget = { qps: 100, burst: 300 };
/** Under which the API server records what a person changed with this command. */
const fieldManager = 'distill';

/** @throws CliError usage when the kubeconfig cannot be used */
export async function openCluster({ files, context, pod, stop }: ClusterOptions): Promise<ClusterReader> {
  const access = await accessOf({ kind: 'default', files, context, pod, stop });
  const login = loginOnce(access);
  const transport = transportOf({ ...access, credentials: login });
  const client = apiClient({ transport, budget: new Budget({ ...requestBudget, clock }), clock, fieldManager });
  const server = printableUrl(access.server);
  /** @param what the objects, for an error */
  const ask = async <T>(what: string, request: () => Promise<T>): Promise<T> => {
    // Without a time limit: a credential plugin may wait for a person in a browser.
    await login();
    try {
      return await request();
    } catch (error) {
      throw refusalOf(error, what, server);
    }
  };
  const get = async (kind: ResourceKind, namespace: string, name: string): Promise<StoredObject | null> =>
    ask(`${kind.kind.toLowerCase()} ${namespace}/${name}`, () => client.get(kind, namespace, name, stop));
  const list = async (kind: ResourceKind, selection: Selection = {}): Promise<StoredObject[]> =>
    ask(kind.plural, () => everyPage(client, kind, selection, stop));
  const readDevices = async (): Promise<DeviceObjects | null> => {
    await login();
    try {
      return await listDevices((kind) => everyPage(client, kind, {}, stop));
    } catch (error) {
      if (error instanceof ApiError && ['forbidden', 'notFound'].includes(error.reason)) return null;
      throw refusalOf(error, 'devices', server);
    }
  };
  return {
    namespace: access.namespace,
    server,
    list,
    readDevices,
    jobObject: (namespace, name) => get(kinds.distillJobs, namespace, name),
    changeJob: (namespace, name, patch) =>
      ask(`distilljob ${namespace}/${name}`, () => changed(client, namespace, name, patch, stop)),
    log: (options) => logOf(transport, { ...options, signal: stop }, ask),
    // The API server checked a job against our schema when it was written.
    readJob: async (namespace, name) => (await get(kinds.distillJobs, namespace, name)) as unknown as DistillJob | null,
    readSecret: async (namespace, name) => {
      const secret = await get(kinds.secrets, namespace, name);
      return secret === null ? null : valuesOf(secret);
    },
    readCluster: async () => {
      const [nodes, pods, jobs, devices] = await Promise.all([
        list(kinds.nodes),
        list(kinds.pods),
        list(kinds.distillJobs),
        readDevices(),
      ]);
      return { nodes, pods, jobs: jobs as unknown as DistillJob[], devices };
    },
  };
}

/** @throws CliError usage */
async function accessOf(source: Parameters<typeof loadAccess>[0]): Promise<ContextAccess> {
  try {
    return await loadAccess(source);
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    throw new CliError(
      'usage',
      { ...error.fault, remedy: `${error.fault.remedy} (--kubeconfig and --context choose others)` },
      { cause: error },
    );
  }
}

/** Reads the credentials once: a command ends before they expire. @returns a function that throws CliError unavailable */
function loginOnce(access: ContextAccess): ContextAccess['credentials'] {
  let login: ReturnType<ContextAccess['credentials']> | undefined;
  return () => {
    login ??= access.credentials().catch((error: unknown) => {
      // The error of the system, or of a parser, may quote a secret.
      const { fault } = error instanceof AccessError ? error : credentialsError(error, 'service account of this pod');
      throw new CliError('unavailable', fault, { cause: error });
    });
    return login;
  };
}

const clock = systemClock;

function transportOf(access: ContextAccess): Transport {
  // A log may be silent for hours: TCP notices a peer that is gone.
  return new Transport({ access, clock, userAgent: `distill/${version}`, limits: { requestMs, silenceMs: 0 } });
}

type Ask = <T>(what: string, request: () => Promise<T>) => Promise<T>;

async function* logOf(transport: Transport, options: PodLogOptions, ask: Ask): AsyncGenerator<string, void, undefined> {
  const lines = podLog(transport, options);
  const what = `log of pod ${options.namespace}/${options.pod}`;
  try {
    for (;;) {
      const next = await ask(what, () => lines.next());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await lines.return();
  }
}

async function changed(
  client: ApiClient,
  namespace: string,
  name: string,
  patch: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<StoredObject | 'changed'> {
  try {
    return await client.patch(kinds.distillJobs, namespace, name, patch, { signal });
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'conflict') return 'changed';
    throw error;
  }
}

async function everyPage(
  client: ApiClient,
  kind: ResourceKind,
  selection: Selection,
  signal: AbortSignal,
): Promise<StoredObject[]> {
  const items: StoredObject[] = [];
  let continueToken: string | null = null;
  do {
    const page = await client.list(kind, { ...selection, limit: pageSize, continueToken, signal });
    items.push(...page.items);
    ({ continueToken } = page);
  } while (continueToken !== null);
  return items;
}

/** The decoded values of a Secret. */
function valuesOf({ data }: StoredObject): Record<string, string> {
  const entries = Object.entries((data ?? {}) as Readonly<Record<string, string>>);
  return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
}

function refusalOf(error: unknown, what: string, server: string): unknown {
  if (!(error instanceof ApiError)) return error;
  const where = `API server at ${server}`;
  if (error.reason === 'notFound' && error.about !== '') {
    return new CliError(
      'badInput',
      { about: what, problem: 'there is no such object', remedy: 'check its name and namespace' },
      { cause: error },
    );
  }
  if (error.reason === 'notFound') {
    return new CliError('unavailable', {
      about: where,
      problem: 'it knows no DistillJobs: the operator is not installed there',
      remedy: 'check --context',
    });
  }
  if (error.status !== null) {
    const problem = `the ${where} refused (${String(error.status)}: ${problemOf(error.fault)})`;
    return new CliError('unavailable', { about: what, problem, remedy: remedyFor(error) }, { cause: error });
  }
  if (error.reason === 'malformed') return new CliError('unavailable', error.fault, { cause: error });
  return new CliError(
    'unavailable',
    {
      about: where,
      problem: `cannot be reached (${error.cause === undefined ? problemOf(error.fault) : reasonOf(error.cause)})`,
      remedy: 'check that the cluster runs, and which one --kubeconfig and --context name',
    },
    { cause: error },
  );
}

function remedyFor({ reason }: ApiError): string {
  switch (reason) {
    case 'unauthorized':
      return 'log in again';
    case 'forbidden':
      return 'ask for the right; docs/command.md lists what each command needs';
    case 'invalid':
      return 'change what it names';
    default:
      return 'try again';
  }
}
