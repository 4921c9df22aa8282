/**
 * Where the API server is and who we are to it: from a kubeconfig file, or from what every pod of a ServiceAccount finds
 * mounted. Credentials are asked for again and again, because tokens and certificates are replaced while we run.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RequestOptions } from 'node:https';

import { printableUrl } from '@distillery/base';

import { redacted } from '../../telemetry/index.js';

import { AccessError, chosenContext, kubeconfigName, readKubeconfig } from './kubeconfig.js';

export type AccessSource =
  /** `context` absent = the file's current one. */
  | { readonly kind: 'file'; readonly path: string; readonly context?: string | undefined }
  | { readonly kind: 'pod'; readonly host: string; readonly port: string; readonly folder?: string };

export interface Access {
  /** https://host:port, perhaps with a path below which the API is. */
  readonly server: string;
  /** @throws whatever keeps them from being read at the moment */
  credentials(): Promise<Credentials>;
}

export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsSettings;
}

export interface TlsSettings {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** Where the kubelet mounts what a pod's ServiceAccount may use. */
const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** @throws AccessError when the source does not say where the API server is */
export async function loadAccess(source: AccessSource): Promise<Access> {
  if (source.kind === 'pod') return podAccess(source);
  const files = { kind: 'one', path: source.path } as const;
  const what = kubeconfigName(files);
  const kubeconfig = readKubeconfig(files);
  if (kubeconfig === null) throw new Error('one file is read or refused');
  const { context, server, proxyUrl } = chosenContext(kubeconfig, source.context, what);
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) {
    throw new AccessError({
      about: what,
      found: `a server that is not an address (${printableUrl(server)})`,
      expected: 'one such as https://host:6443',
      remedy: 'correct it',
    });
  }
  if (proxyUrl !== undefined) {
    throw new AccessError({
      about: what,
      found: `proxy-url ${printableUrl(proxyUrl)}`,
      expected: 'a server that is reached directly',
      remedy: 'remove it, or forward a port',
    });
  }
  // Loaded when it is needed: it brings every type of the API, a hundred times the memory of what a pod needs.
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromString(JSON.stringify(kubeconfig));
  config.setCurrentContext(context);
  return {
    server,
    credentials: async () => {
      const options: RequestOptions = { headers: {} };
      try {
        // Reads files again, runs the credential plugin, refreshes the token: whatever the user is set up with.
        await config.applyToHTTPSOptions(options);
      } catch (error) {
        throw credentialsError(error, what);
      }
      return credentialsOf(options);
    },
  };
}

/**
 * An error of reading credentials in words that hold none of them. What a plugin wrote to standard error is for people; what
 * it wrote to standard output, parts of which a parser quotes, is a secret.
 */
export function credentialsError(error: unknown, what: string): AccessError {
  const text = error instanceof Error ? error.message : String(error);
  const reason =
    error instanceof SyntaxError
      ? 'the credential plugin printed something else than JSON'
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

function podAccess({ host, port, folder = serviceAccountFolder }: Extract<AccessSource, { kind: 'pod' }>): Access {
  if (host === '' || !/^\d+$/.test(port)) {
    throw new AccessError({
      about: 'access of this pod',
      found: `KUBERNETES_SERVICE_HOST "${host}" and KUBERNETES_SERVICE_PORT "${port}"`,
      expected: 'those that the kubelet sets in every pod',
      remedy: 'outside of a cluster, name a kubeconfig file',
    });
  }
  return {
    // An IPv6 address is written in brackets.
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
