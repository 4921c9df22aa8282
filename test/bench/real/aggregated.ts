/** Parts of the cluster's API that a server on this machine, outside of the cluster, serves. */
import type { ControlPlane } from '../../kit/cluster/index.js';
import { until } from '../../kit/cluster/index.js';
import type { Credentials } from '../../kit/cluster/pki.js';
import { readFile } from 'node:fs/promises';

export interface ServedApi {
  readonly group: string;
  readonly version: string;
  /** Name and namespace of the Service that represents the server. */
  readonly service: { readonly namespace: string; readonly name: string };
  /** Port on loopback. */
  readonly port: number;
}

interface ApiService {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
  };
}

const servicesPath = '/apis/apiregistration.k8s.io/v1/apiservices';
const limitMs = 120_000;

/** Issues a certificate for the name under which the API server calls the server. */
export async function servingCredentials(
  { authority }: ControlPlane,
  { namespace, name }: ServedApi['service'],
): Promise<Credentials> {
  return authority.issue(name, {
    commonName: name,
    names: [`DNS:${name}.${namespace}.svc`, 'DNS:localhost', 'IP:127.0.0.1'],
  });
}

/** Resolves when the API server forwards requests for that part of its API. */
export async function registerApi(cluster: ControlPlane, { group, version, service, port }: ServedApi): Promise<void> {
  const authority = await readFile(cluster.authority.certificate);
  await cluster.apply(
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: service,
      spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] },
    },
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: `${version}.${group}` },
      spec: {
        group,
        version,
        groupPriorityMinimum: 100,
        versionPriority: 100,
        caBundle: authority.toString('base64'),
        service: { ...service, port },
      },
    },
  );
  const path = `${servicesPath}/${version}.${group}`;
  const available = async (): Promise<{ readonly status: string; readonly message?: string } | undefined> =>
    (await cluster.api.get<ApiService>(path)).status?.conditions?.find(({ type }) => type === 'Available');
  await until(
    `${version}.${group} to be served`,
    async () => (await available())?.status === 'True',
    async () => (await available())?.message ?? '',
    limitMs,
  );
}
