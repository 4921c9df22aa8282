/**
 * The address of the API server and our credentials: from kubeconfig files, or from the files that every pod of a
 * ServiceAccount finds mounted. Credentials are read repeatedly, because tokens and certificates are rotated while we
 * run.
 */
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RequestOptions } from 'node:https';

import { printableUrl, redacted } from '@distillery/base';
import type { KubeConfig } from '@kubernetes/client-node';

import { type Credentials, isWritten, writtenCredentials } from './credentials.js';
import {
  AccessError,
  chosenContext,
  type Kubeconfig,
  type KubeconfigFiles,
  kubeconfigName,
  readKubeconfig,
} from './kubeconfig.js';

export type { Credentials, TlsSettings } from './credentials.js';

export type AccessSource =
  /** `context` absent = the current context of the file. */
  | { readonly kind: 'file'; readonly path: string; readonly context?: string | undefined }
  | PodSource
  /** What kubectl would use: these files, or in a pod without any of them what is mounted there. */
  | {
      readonly kind: 'default';
      readonly files: KubeconfigFiles;
      readonly context?: string | undefined;
      readonly pod: Omit<PodSource, 'kind'>;
      /** Ends a credential plugin that runs when it aborts. */
      readonly stop: AbortSignal;
    };

interface PodSource {
  readonly kind: 'pod';
  /** Empty outside of a pod. */
  readonly host: string;
  readonly port: string;
  /** Where the ServiceAccount is mounted; absent = where the kubelet mounts it. */
  readonly folder?: string;
}

export interface Access {
  /** https://host:port, possibly with a path prefix. */
  readonly server: string;
  /** A proxy between us and the server; absent = none. */
  readonly proxyUrl?: string | undefined;
  /** @throws AccessError, or the system error, when they cannot be read now */
  credentials(): Promise<Credentials>;
}

/** Where the kubelet mounts the credentials of the ServiceAccount. */
const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Access by a context, which may name a namespace. */
export interface ContextAccess extends Access {
  /** `default` when the context names none. */
  readonly namespace: string;
}

/** @throws AccessError when the source does not say where the API server is */
export async function loadAccess(source: AccessSource): Promise<ContextAccess> {
  switch (source.kind) {
    case 'pod':
      return podAccess(source);
    case 'file':
      return fileAccess(source.path, source.context);
    case 'default': {
      const { files, context, pod, stop } = source;
      const kubeconfig = readKubeconfig(files);
      const what = kubeconfigName(files);
      if (kubeconfig !== null) return kubeconfigAccess(kubeconfig, context, what, stop);
      if (pod.host !== '') return podAccess({ kind: 'pod', ...pod });
      throw new AccessError({
        about: what,
        problem: 'no such file, and this is not a pod',
        remedy: 'name a kubeconfig',
      });
    }
  }
}

/** The operator's own file. It reaches the API server directly (ADR 8). */
async function fileAccess(path: string, context: string | undefined): Promise<ContextAccess> {
  const files = { kind: 'one', path } as const;
  const what = kubeconfigName(files);
  const kubeconfig = readKubeconfig(files);
  if (kubeconfig === null) throw new Error('one file is read or refused');
  const { proxyUrl } = chosenContext(kubeconfig, context, what);
  if (proxyUrl !== undefined) {
    throw new AccessError({
      about: what,
      found: `proxy-url ${printableUrl(proxyUrl)}`,
      expected: 'a server that is reached directly',
      remedy: 'remove it, or forward a port',
    });
  }
  return kubeconfigAccess(kubeconfig, context, what);
}

/** @param stop ends a credential plugin that runs when it aborts */
async function kubeconfigAccess(
  kubeconfig: Kubeconfig,
  wanted: string | undefined,
  what: string,
  stop?: AbortSignal,
): Promise<ContextAccess> {
  const { context, server, proxyUrl, namespace = 'default', cluster, user } = chosenContext(kubeconfig, wanted, what);
  if (!/^https?:$/.test(protocolOf(server))) {
    throw new AccessError({
      about: what,
      found: `a server that is not an address (${printableUrl(server)})`,
      expected: 'one such as https://host:6443',
      remedy: 'correct it',
    });
  }
  if (proxyUrl !== undefined && !proxyProtocols.has(protocolOf(proxyUrl))) {
    throw new AccessError({
      about: what,
      found: `proxy-url ${printableUrl(proxyUrl)}`,
      expected: 'an address such as http://host:3128 or socks5://host:1080',
      remedy: 'correct it',
    });
  }
  const read = isWritten(user)
    ? async () => writtenCredentials(cluster, user)
    : await credentialsByLibrary(kubeconfig, context, stop);
  return {
    server,
    proxyUrl,
    namespace,
    credentials: () =>
      read().catch((error: unknown) => {
        throw credentialsError(error, what);
      }),
  };
}

/** Runs the credential plugin, or refreshes the token, as the user's entry says. */
async function credentialsByLibrary(
  kubeconfig: Kubeconfig,
  context: string,
  stop: AbortSignal | undefined,
): Promise<() => Promise<Credentials>> {
  // Loaded on demand: it holds every type of the API, a hundred times the memory of what a pod needs.
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromString(JSON.stringify(kubeconfig));
  config.setCurrentContext(context);
  if (stop !== undefined) endPluginsWith(config, stop);
  return async () => {
    const options: RequestOptions = { headers: {} };
    await config.applyToHTTPSOptions(options);
    return credentialsOf(options);
  };
}

/** Those of kubectl. */
const proxyProtocols: ReadonlySet<string> = new Set(['http:', 'https:', 'socks5:']);

/** Empty for a text that is not an address. */
function protocolOf(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : '';
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

/**
 * Describes an error of reading credentials without quoting them. The standard error of a plugin is meant for people; its
 * standard output is a secret, and a parser error quotes parts of it.
 */
export function credentialsError(error: unknown, what: string): AccessError {
  const text = error instanceof Error ? error.message : String(error);
  const reason =
    error instanceof SyntaxError
      ? 'the output of the credential plugin is not JSON'
      : (text.trim().split('\n').at(-1) ?? '').slice(0, 200);
  return new AccessError(
    { about: what, problem: `the user's credentials cannot be read (${redacted(reason)})`, remedy: 'log in again' },
    {
      cause: error,
    },
  );
}

function credentialsOf({ auth, ca, cert, key, servername, rejectUnauthorized, headers }: RequestOptions): Credentials {
  const basic = typeof auth === 'string' ? { Authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : {};
  const given = Object.entries(headers ?? {}).map(([name, value]): [string, string] => [name, String(value).trim()]);
  return {
    headers: { ...basic, ...Object.fromEntries(given) },
    tls: {
      ...(ca === undefined ? {} : { ca: ca as string | Buffer }),
      ...(cert === undefined ? {} : { cert: cert as string | Buffer }),
      ...(key === undefined ? {} : { key: key as string | Buffer }),
      ...(servername === undefined ? {} : { servername }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    },
  };
}

async function podAccess({ host, port, folder = serviceAccountFolder }: PodSource): Promise<ContextAccess> {
  if (host === '' || !/^\d+$/.test(port)) {
    throw new AccessError({
      about: 'access of this pod',
      found: `KUBERNETES_SERVICE_HOST "${host}" and KUBERNETES_SERVICE_PORT "${port}"`,
      expected: 'those that the kubelet sets in every pod',
      remedy: 'outside of a cluster, name a kubeconfig file',
    });
  }
  // A pod without the mount has no credentials either, which is an error of its own.
  const namespace = await readFile(join(folder, 'namespace'), 'utf8').catch(() => '');
  return {
    namespace: namespace.trim() === '' ? 'default' : namespace.trim(),
    // A URL needs brackets around an IPv6 address.
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    credentials: async () => {
      const [token, ca] = await Promise.all([
        readFile(join(folder, 'token'), 'utf8'),
        readFile(join(folder, 'ca.crt'), 'utf8'),
      ]);
      return { headers: { Authorization: `Bearer ${token.trim()}` }, tls: { ca } };
    },
  };
}
