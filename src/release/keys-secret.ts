/** The Secret with the keys of the chart's NATS server (docs/adr/0050). The only write is a create: keys are never replaced. */
import { type ApiClient, ApiError } from '../cluster/kubernetes/index.js';
import type { ServerKeys } from '../stream/index.js';

/** Names of the Secret's keys; the chart mounts each where it belongs. */
export const keyFiles = {
  operatorSeed: 'operator.seed',
  operatorSigningSeed: 'operator-signing.seed',
  systemCreds: 'system.creds',
  serverConfiguration: 'server.conf',
} as const satisfies Record<keyof ServerKeys, string>;

export interface KeysSecret {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Creates the Secret. An existing one stays as it is, whatever is in it: streams and accounts belong to its keys.
 * @throws ApiError
 */
export async function createKeys(
  { namespace, name, labels }: KeysSecret,
  keys: ServerKeys,
  client: Pick<ApiClient, 'create'>,
  signal?: AbortSignal,
): Promise<'Created' | 'Existed'> {
  const entries = Object.entries(keyFiles) as [keyof ServerKeys, string][];
  const stringData = Object.fromEntries(entries.map(([key, file]) => [file, keys[key]]));
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name, labels }, stringData };
  try {
    await client.create(secret, signal);
    return 'Created';
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'alreadyExists') return 'Existed';
    throw error;
  }
}
