/** Reading a job and its Secret from an API server, by the person's own kubeconfig. Nothing here writes. */
import { ApiException, CoreV1Api, CustomObjectsApi, KubeConfig, setHeaderMiddleware } from '@kubernetes/client-node';

import { apiGroup, apiVersion, type DistillJob, plural } from '../api/index.js';
import type { StoredObject } from '../cluster/kubernetes/index.js';
import { reasonOf } from '../lib/system-error.js';

import { CliError } from './exit.js';
import type { JobReader } from './fetch.js';
import type { SeenCluster } from './plan.js';

export interface KubeOptions {
  /** Absent = as kubectl finds it: KUBECONFIG, ~/.kube/config, a pod's service account. */
  readonly kubeconfig: string | undefined;
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
export function kubeReader({ kubeconfig, context, stop }: KubeOptions): ClusterReader {
  const config = loaded(kubeconfig, context);
  const server = config.getCurrentCluster()?.server ?? 'unknown';
  const core = config.makeApiClient(CoreV1Api);
  const custom = config.makeApiClient(CustomObjectsApi);
  const json = setHeaderMiddleware('Accept', 'application/json');

  /** @returns null when there is no such object */
  const ask = async <T>(
    what: string,
    call: (options: { middleware: (typeof json)[]; middlewareMergeStrategy: 'append' }) => Promise<T>,
  ): Promise<T | null> => {
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

function loaded(kubeconfig: string | undefined, context: string | undefined): KubeConfig {
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    throw new CliError(
      'usage',
      `kubeconfig ${kubeconfig ?? '(as kubectl finds it)'}: cannot be read (${reasonOf(error)}); name another with --kubeconfig`,
      { cause: error },
    );
  }
  if (context === undefined) return config;
  const known = config.getContexts().map(({ name }) => name);
  if (!known.includes(context)) {
    throw new CliError(
      'usage',
      `--context: found ${JSON.stringify(context)}, expected one of ${known.join(', ') || 'none'}`,
    );
  }
  config.setCurrentContext(context);
  return config;
}

/** @returns null for an object that is not there. @throws CliError for everything else */
function answerTo(error: unknown, what: string, server: string): null {
  const where = `API server at ${server}`;
  if (error instanceof ApiException) {
    const { code } = error as ApiException<unknown>;
    const { message, named } = statusOf(error.body);
    if (code === 404 && named) return null;
    if (code === 404) {
      throw new CliError(
        'unavailable',
        `${where}: found that it knows no DistillJobs, expected a cluster with the operator; check --context`,
      );
    }
    const remedy = code === 401 ? 'log in again' : code === 403 ? 'ask for the right to get it' : 'try again';
    throw new CliError(
      'unavailable',
      `${what}: the ${where} refused (${String(code)}${message === '' ? '' : `: ${message}`}); ${remedy}`,
    );
  }
  throw new CliError(
    'unavailable',
    `${where}: cannot be reached (${reasonOf(error)}); check that the cluster runs, and which one --kubeconfig and --context name`,
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
