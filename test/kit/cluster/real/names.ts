/**
 * The name service of a real cluster, as small as pods need it. The cluster has no network of Services (no kube-proxy), so the name
 * of a Service stands for its ready pods, as that of a headless Service does everywhere.
 */
import { createSocket } from 'node:dgram';

import type { Api } from '../api.js';

export const clusterDomain = 'cluster.local';
const port = 53;
const codes = { none: 0, noSuchName: 3 } as const;
const types = { A: 1 } as const;
/** Pods come and go. */
const ttlSeconds = 1;
const headerBytes = 12;

interface Question {
  /** In lower case, without the last dot. */
  readonly name: string;
  readonly type: number;
  /** Where the question ends in the message. */
  readonly end: number;
}

interface Slices {
  readonly items: readonly {
    readonly endpoints?: readonly {
      readonly addresses: string[];
      readonly conditions?: { readonly ready?: boolean };
    }[];
  }[];
}

/** @returns null when the message holds no question */
function questionIn(message: Buffer): Question | null {
  const labels: string[] = [];
  let at = headerBytes;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const end = at + 5;
  return end > message.length
    ? null
    : { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end };
}

/** @param addresses null = no such name */
function answerTo(message: Buffer, question: Question, addresses: readonly string[] | null): Buffer {
  const header = Buffer.from(message.subarray(0, headerBytes));
  const records = question.type === types.A ? (addresses ?? []) : [];
  // An authoritative answer; recursion is available.
  header.writeUInt16BE(0x8580 | (addresses === null ? codes.noSuchName : codes.none), 2);
  [1, records.length, 0, 0].forEach((count, index) => header.writeUInt16BE(count, 4 + 2 * index));
  const answers = records.map((address) => {
    const record = Buffer.alloc(16);
    // The name is the one at the start of the question.
    [0xc000 | headerBytes, types.A, 1, 0, ttlSeconds, 4].forEach((value, index) =>
      record.writeUInt16BE(value, 2 * index),
    );
    address.split('.').forEach((part, index) => record.writeUInt8(Number(part), 12 + index));
    return record;
  });
  return Buffer.concat([header, message.subarray(headerBytes, question.end), ...answers]);
}

/** Serves names until it is closed. @param address where pods reach this machine */
export async function serveNames(address: string, api: Api): Promise<{ close(): Promise<void> }> {
  const addressesOf = async (name: string): Promise<readonly string[] | null> => {
    const [, service, namespace] = /^([a-z0-9-]+)\.([a-z0-9-]+)\.svc\.cluster\.local$/.exec(name) ?? [];
    if (service === undefined || namespace === undefined) return null;
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
    const { items } = await api.get<Slices>(`${path}?labelSelector=kubernetes.io/service-name%3D${service}`);
    const ready = items
      .flatMap(({ endpoints = [] }) => endpoints)
      .filter(({ conditions }) => conditions?.ready !== false);
    return ready.length === 0 ? null : ready.flatMap(({ addresses }) => addresses);
  };
  const socket = createSocket('udp4');
  socket.on('message', (message, { address: client, port: clientPort }) => {
    const question = questionIn(message);
    if (question === null) return;
    addressesOf(question.name)
      // While the API server is away, no name is known.
      .catch(() => null)
      .then((addresses) => socket.send(answerTo(message, question, addresses), clientPort, client))
      .catch(() => undefined);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, resolve);
  });
  return { close: async () => new Promise((resolve) => void socket.close(resolve)) };
}
