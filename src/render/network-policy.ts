/** What the job's pods may reach: the NATS servers and the name service, nothing else; nobody reaches them. */
import { type DistillJob, sharedName } from '../api/index.js';

import { metadataOf, selectorOf } from './metadata.js';
import type { Fields, KubernetesObject, WorkerSettings } from './object.js';

const natsPort = 4222;
const dnsPort = 53;

/** @throws OwnerlessJobError */
export function networkPolicy(job: DistillJob, { natsUrl }: WorkerSettings): KubernetesObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadataOf(job, sharedName(job.metadata.name)),
    spec: {
      podSelector: { matchLabels: selectorOf(job) },
      // No rule for what comes in: nothing does. An empty list would be written anew at every apply.
      policyTypes: ['Ingress', 'Egress'],
      egress: [
        ...serversOf(natsUrl).map(({ port, cidr }) => ({
          ports: [{ protocol: 'TCP', port }],
          // A name may stand for any address; which ones, only the name service knows.
          ...(cidr === undefined ? {} : { to: [{ ipBlock: { cidr } }] }),
        })),
        { ports: dnsPorts },
      ],
    },
  };
}

const dnsPorts: readonly Fields[] = ['UDP', 'TCP'].map((protocol) => ({ protocol, port: dnsPort }));

interface Server {
  readonly port: number;
  /** Of a server that is named by its address. */
  readonly cidr?: string;
}

/** Each server once, in the order of the url. */
function serversOf(natsUrl: string): readonly Server[] {
  const servers = natsUrl.split(',').map((url): Server => {
    const authority = url
      .trim()
      .replace(/^[a-z]+:\/\//, '')
      .replace(/^.*@/, '')
      .replace(/\/.*$/, '');
    const [, v6, name = '', port] = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(authority) ?? [];
    const isV4 = /^\d+\.\d+\.\d+\.\d+$/.test(name);
    return {
      port: port === undefined ? natsPort : Number(port),
      ...(v6 === undefined ? (isV4 ? { cidr: `${name}/32` } : {}) : { cidr: `${v6}/128` }),
    };
  });
  return servers.filter(
    ({ port, cidr }, index) => servers.findIndex((other) => other.port === port && other.cidr === cidr) === index,
  );
}
