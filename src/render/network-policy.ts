/**
 * The NetworkPolicy of the job's pods: they reach only the NATS servers, the name service, and the ports of the remote
 * places that the job names; no connection to them is allowed. It cannot name hosts: a port is open to any address.
 */
import { NatsAddress } from '@distillery/protocol';

import { type DistillJob, sharedName } from '../api/index.js';

import { metadataOf, selectorOf } from './metadata.js';
import { remotePorts } from './mounts.js';
import type { Fields, KubernetesObject, WorkerSettings } from './object.js';

const dnsPort = 53;

/** @throws OwnerlessJobError; NatsAddressError for a NATS address that the operator's settings would reject */
export function networkPolicy(job: DistillJob, settings: WorkerSettings): KubernetesObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadataOf(job, sharedName(job.metadata.name)),
    spec: {
      podSelector: { matchLabels: selectorOf(job) },
      // No ingress rule, so no ingress. An empty list would be written again at every apply.
      policyTypes: ['Ingress', 'Egress'],
      egress: [
        ...serversOf(settings.natsUrl).map(({ port, cidr }) => ({
          ports: [{ protocol: 'TCP', port }],
          // A name may resolve to any address, which only the name service knows.
          ...(cidr === undefined ? {} : { to: [{ ipBlock: { cidr } }] }),
        })),
        { ports: dnsPorts },
        ...portsOf(job, settings),
        ...collectorOf(settings),
      ],
    },
  };
}

/** Both roles read the data set, and one policy serves both. */
function portsOf(job: DistillJob, settings: WorkerSettings): readonly Fields[] {
  const ports = remotePorts(job, settings).map((port) => ({ protocol: 'TCP', port }));
  return ports.length === 0 ? [] : [{ ports }];
}

/** The name of a Service in the cluster: its pods are in that namespace. */
const serviceName = /^[^.]+\.([^.]+)\.svc(\.|$)/;

/** The collector of traces, where one is set. */
function collectorOf({ tracing }: Pick<WorkerSettings, 'tracing'>): readonly Fields[] {
  if (tracing === undefined || tracing === null) return [];
  const { protocol, hostname, port } = new URL(tracing.endpoint);
  const number = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
  const cidr = cidrOf(hostname.replace(/^\[(.*)\]$/, '$1'));
  const namespace = serviceName.exec(hostname)?.[1];
  const to =
    cidr !== undefined
      ? [{ ipBlock: { cidr } }]
      : namespace !== undefined
        ? [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } }]
        : undefined;
  return [{ ports: [{ protocol: 'TCP', port: number }], ...(to === undefined ? {} : { to }) }];
}

const dnsPorts: readonly Fields[] = ['UDP', 'TCP'].map((protocol) => ({ protocol, port: dnsPort }));

interface Server {
  readonly port: number;
  /** Address of a server that is named by its address. */
  readonly cidr?: string;
}

/** Each server once, in the order of the url. */
function serversOf(natsUrl: string): readonly Server[] {
  const servers = NatsAddress.parse(natsUrl).servers.map(({ host, port }): Server => {
    const cidr = cidrOf(host);
    return cidr === undefined ? { port } : { port, cidr };
  });
  return servers.filter(
    ({ port, cidr }, index) => servers.findIndex((other) => other.port === port && other.cidr === cidr) === index,
  );
}

/** A host that is an address, as a block of one; undefined for a name, which may resolve to any. */
function cidrOf(host: string): string | undefined {
  if (host.includes(':')) return `${host}/128`;
  return /^\d+\.\d+\.\d+\.\d+$/.test(host) ? `${host}/32` : undefined;
}
