/** The operator's own client to a test cluster, straight or through a faulty proxy. */
import { systemClock } from '@distillery/platform';

import {
  type Access,
  apiClient,
  type ApiClient,
  ApiError,
  Budget,
  loadAccess,
  Transport,
} from '../../src/cluster/kubernetes/index.js';
import { type RequestRecord, type TransportLimits } from '../../src/cluster/kubernetes/api/index.js';

export interface TestClient {
  readonly client: ApiClient;
  readonly records: RequestRecord[];
  close(): Promise<void>;
}

/** @param server absent = the one of the kubeconfig */
export async function clientOf(
  from: string | Access,
  { server, ...limits }: Partial<TransportLimits> & { readonly server?: string } = {},
): Promise<TestClient> {
  const clock = systemClock;
  const access = typeof from === 'string' ? await loadAccess({ kind: 'file', path: from }) : from;
  const transport = new Transport({
    access: server === undefined ? access : { ...access, server },
    clock,
    userAgent: 'distillery/test',
    limits,
  });
  const records: RequestRecord[] = [];
  const client = apiClient({
    transport,
    budget: new Budget({ qps: 10_000, burst: 10_000, clock }),
    clock,
    onRequest: (record) => records.push(record),
  });
  return { client, records, close: async () => transport.close() };
}

/** @returns the error of the refused call */
export async function refusal(work: Promise<unknown>): Promise<ApiError> {
  const ended: unknown = await work.catch((error: unknown) => error);
  if (ended instanceof ApiError) return ended;
  throw new Error(`found ${JSON.stringify(ended)}, expected an ApiError`);
}

/** The kind of the error; `done` when there was none. */
export async function outcome(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => (error instanceof ApiError ? error.reason : String(error)),
  );
}
