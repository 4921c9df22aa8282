/** Reading a job and its Secret from an API server, by the person's own kubeconfig. Nothing here writes. */
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';

import { printableUrl, reasonOf } from '@distillery/base';
import { readTextSync } from '@distillery/platform';
import { ApiException, CoreV1Api, CustomObjectsApi, KubeConfig, setHeaderMiddleware } from '@kubernetes/client-node';

import { apiGroup, apiVersion, type DistillJob, plural } from '../api/index.js';
import {
  AccessError,
  chosenContext,
  credentialsError,
  type KubeconfigFiles,
  kubeconfigName,
  readKubeconfig,
  type StoredObject,
} from '../cluster/kubernetes/index.js';

import { CliError } from './exit.js';
import type { JobReader } from './fetch.js';
import type { SeenCluster } from './plan.js';

export interface KubeOptions {
  /** Those that the person names, or those that kubectl finds. When none of a list is there, a pod's service account is used. */
  readonly files: KubeconfigFiles;
  /** Absent = the current one. */
  readonly context: string | undefined;
  readonly stop: AbortSignal;
}

const requestLimitMs = 15_000;

/** Everything of a cluster that a share is made from. */
export interface ClusterReader extends JobReader {
  /** @throws CliError */
  readCluster(): Promise<SeenCluster>;
}

const pageSize = 1_000;
const version = apiVersion.slice(apiGroup.length + 1);

/** @throws CliError when the kubeconfig cannot be used */
export function kubeReader({ files, context, stop }: KubeOptions): ClusterReader {
  const { config, source } = loaded(files, context);
  endPluginsWith(config, stop);
  let login: Promise<void> | undefined;
  const server = printableUrl(config.getCurrentCluster()?.server ?? '');
  const core = config.makeApiClient(CoreV1Api);
  const custom = config.makeApiClient(CustomObjectsApi);
  const json = setHeaderMiddleware('Accept', 'application/json');

  /** @returns null when there is no such object */
  const ask = async <T>(
    what: string,
    call: (options: { middleware: (typeof json)[]; middlewareMergeStrategy: 'append' }) => Promise<T>,
  ): Promise<T | null> => {
    await (login ??= canLogIn(config, source));
    const signal = AbortSignal.any([stop, AbortSignal.timeout(requestLimitMs)]);
    const limited: typeof json = {
      ...json,
      pre: (request) => {
        request.setSignal(signal);
        return json.pre(request);
      },
    };
    try {
      return await call({ middleware: [limited], middlewareMergeStrategy: 'append' });
    } catch (error) {
      return answerTo(error, what, server);
    }
  };

  type Options = Parameters<Parameters<typeof ask>[1]>[0];
  /** All pages of a list, as plain JSON: the library has made objects of times. */
  const all = async <T>(
    what: string,
    page: (position: { limit: number; _continue?: string }, options: Options) => Promise<ListPage>,
  ): Promise<T[]> => {
    const items: T[] = [];
    let _continue: string | undefined;
    do {
      const position = _continue === undefined ? { limit: pageSize } : { limit: pageSize, _continue };
      const found = await ask(what, (options) => page(position, options));
      items.push(...(JSON.parse(JSON.stringify(found?.items ?? [])) as T[]));
      const { _continue: next, continue: rawNext } = found?.metadata ?? {};
      _continue = next ?? rawNext;
    } while (_continue !== undefined && _continue !== '');
    return items;
  };

  return {
    readCluster: async () => {
      const [nodes, pods, jobs] = await Promise.all([
        all<StoredObject>('nodes', (position, options) => core.listNode(position, options)),
        all<StoredObject>('pods', (position, options) => core.listPodForAllNamespaces(position, options)),
        all<DistillJob>('distilljobs', async (position, options) => {
          const request = { group: apiGroup, version, plural, ...position };
          return (await custom.listClusterCustomObject(request, options)) as ListPage;
        }),
      ]);
      return { nodes, pods, jobs };
    },
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    readJob: (namespace, name) =>
      ask(`distilljob ${namespace}/${name}`, async (options) => {
        const request = { group: apiGroup, version, namespace, plural, name };
        // The API server checked it against our schema when it was written.
        return (await custom.getNamespacedCustomObject(request, options)) as DistillJob;
      }),
    readSecret: (namespace, name) =>
      ask(`secret ${namespace}/${name}`, async (options) => {
        const { data = {} } = await core.readNamespacedSecret({ namespace, name }, options);
        const entries = Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]);
        return Object.fromEntries(entries) as Record<string, string>;
      }),
  };
}

interface ListPage {
  readonly items: readonly unknown[];
  readonly metadata?: { readonly _continue?: string; readonly continue?: string };
}

interface Loaded {
  readonly config: KubeConfig;
  /** What to call it in a message. */
  readonly source: string;
}

/** @throws CliError usage */
function loaded(files: KubeconfigFiles, wanted: string | undefined): Loaded {
  const source = kubeconfigName(files);
  try {
    const kubeconfig = readKubeconfig(files);
    if (kubeconfig === null) return inPod(source);
    const { context } = chosenContext(kubeconfig, wanted, source);
    const config = new KubeConfig();
    config.loadFromString(JSON.stringify(kubeconfig));
    config.setCurrentContext(context);
    return { config: withToken(config), source };
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    throw new CliError(
      'usage',
      { ...error.fault, remedy: `${error.fault.remedy} (--kubeconfig and --context choose others)` },
      { cause: error },
    );
  }
}

/** What the kubelet mounts. @throws AccessError outside of a pod */
function inPod(missing: string): Loaded {
  const config = new KubeConfig();
  config.loadFromCluster();
  try {
    return { config: withToken(config), source: 'service account of this pod' };
  } catch (error) {
    throw new AccessError(
      { about: missing, problem: 'no such file, and this is no pod', remedy: 'name a kubeconfig' },
      { cause: error },
    );
  }
}

/** The token of a file as it is now: a command does not live long enough to see it renewed. @throws AccessError */
function withToken(config: KubeConfig): KubeConfig {
  const user = config.getCurrentUser();
  const { tokenFile } = (user?.authProvider as { config?: { tokenFile?: string } } | undefined)?.config ?? {};
  if (user === null || tokenFile === undefined) return config;
  try {
    const token = readTextSync(tokenFile).trim();
    const users = config.getUsers().map((each) => (each === user ? { ...user, authProvider: undefined, token } : each));
    const [clusters, contexts] = [config.getClusters(), config.getContexts()];
    config.loadFromOptions({ clusters, contexts, users, currentContext: config.getCurrentContext() });
    return config;
  } catch (error) {
    throw new AccessError(
      { about: `token file ${tokenFile}`, problem: `cannot be read (${reasonOf(error)})`, remedy: 'log in again' },
      {
        cause: error,
      },
    );
  }
}

/** The library passes no signal to the credential plugins that it starts; this is where it starts them. */
function endPluginsWith(config: KubeConfig, stop: AbortSignal): void {
  const { authenticators } = config as unknown as { readonly authenticators: readonly { execFn?: typeof spawn }[] };
  for (const authenticator of authenticators) {
    if (authenticator.execFn === undefined) continue;
    const start = (command: string, args: readonly string[], options: SpawnOptions): ChildProcess =>
      spawn(command, args, { ...options, signal: stop });
    authenticator.execFn = start as typeof spawn;
  }
}

/** Runs the credential plugin and reads the files once, since their errors may quote secrets. @throws CliError */
async function canLogIn(config: KubeConfig, what: string): Promise<void> {
  try {
    await config.applyToHTTPSOptions({ headers: {} });
  } catch (error) {
    throw new CliError('unavailable', credentialsError(error, what).fault, { cause: error });
  }
}

/** @returns null for an object that is not there. @throws CliError for everything else */
function answerTo(error: unknown, what: string, server: string): null {
  const where = `API server at ${server}`;
  if (error instanceof ApiException) {
    const { code } = error as ApiException<unknown>;
    const { message, named } = statusOf(error.body);
    if (code === 404 && named) return null;
    if (code === 404) {
      throw new CliError('unavailable', {
        about: where,
        problem: 'it knows no DistillJobs: the operator is not installed there',
        remedy: 'check --context',
      });
    }
    const remedy = code === 401 ? 'log in again' : code === 403 ? 'ask for the right to get it' : 'try again';
    throw new CliError('unavailable', {
      about: what,
      problem: `the ${where} refused (${String(code)}${message === '' ? '' : `: ${message}`})`,
      remedy,
    });
  }
  throw new CliError(
    'unavailable',
    {
      about: where,
      problem: `cannot be reached (${reasonOf(error)})`,
      remedy: 'check that the cluster runs, and which one --kubeconfig and --context name',
    },
    { cause: error },
  );
}

/** The API server's own sentence, and whether it is about an object of a name and not about a path it does not serve. */
function statusOf(body: unknown): { readonly message: string; readonly named: boolean } {
  // The library takes the body of a 401 away.
  const text = typeof body === 'string' ? body : JSON.stringify(body ?? '');
  try {
    const status = JSON.parse(text) as { message?: string; details?: { name?: string } };
    return { message: status.message ?? '', named: status.details?.name !== undefined };
  } catch {
    return { message: text.trim().slice(0, 200), named: false };
  }
}
