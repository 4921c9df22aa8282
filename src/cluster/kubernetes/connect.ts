/**
 * Where the API server is and who we are to it: from a kubeconfig file, or from what every pod of a ServiceAccount finds
 * mounted. Credentials are asked for again and again, because tokens and certificates are replaced while we run.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RequestOptions } from 'node:https';

import type { KubeConfig } from '@kubernetes/client-node';

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

export class AccessError extends Error {
  override readonly name = 'AccessError';
}

/** Where the kubelet mounts what a pod's ServiceAccount may use. */
const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** @throws AccessError when the source does not say where the API server is */
export async function loadAccess(source: AccessSource): Promise<Access> {
  if (source.kind === 'pod') return podAccess(source);
  // Loaded when it is needed: it brings every type of the API, a hundred times the memory of what a pod needs.
  const { KubeConfig: Config } = await import('@kubernetes/client-node');
  const config = new Config();
  try {
    config.loadFromFile(source.path);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new AccessError(`kubeconfig ${source.path}: found no configuration (${text}), expected a kubeconfig file`, {
      cause: error,
    });
  }
  if (source.context !== undefined) config.setCurrentContext(source.context);
  return kubeConfigAccess(config, `kubeconfig ${source.path}`);
}

/** @throws AccessError when its current context leads nowhere */
function kubeConfigAccess(config: KubeConfig, what: string): Access {
  const context = config.getCurrentContext() as string | undefined;
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    const known = config.getContexts().map(({ name }) => name);
    throw new AccessError(
      `${what}: found context "${context ?? ''}" with no cluster, expected one of ${known.join(', ') || 'its contexts'}; name one that exists`,
    );
  }
  if (!URL.canParse(cluster.server) || !/^https?:$/.test(new URL(cluster.server).protocol)) {
    throw new AccessError(`${what}: found server "${cluster.server}", expected an address such as https://host:6443`);
  }
  if (cluster.proxyUrl !== undefined) {
    throw new AccessError(
      `${what}: found proxy-url "${cluster.proxyUrl}", expected a server that is reached directly; remove it, or forward a port`,
    );
  }
  return {
    server: cluster.server,
    credentials: async () => {
      const options: RequestOptions = { headers: {} };
      // Reads files anew, runs the credential plugin, refreshes the token: whatever the user is set up with.
      await config.applyToHTTPSOptions(options);
      return credentialsOf(options);
    },
  };
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
    throw new AccessError(
      `access of this pod: found KUBERNETES_SERVICE_HOST "${host}" and KUBERNETES_SERVICE_PORT "${port}", expected those that ` +
        'the kubelet sets in every pod; outside of a cluster, name a kubeconfig file',
    );
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
