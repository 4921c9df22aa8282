/**
 * Reading a job's object store as the operator: by the official client library, whose format the workers write
 * (docs/adr/0005). Owns the stall limit: the library would wait for ever for a server that died in the middle.
 */
import { JetStreamApiCodes, JetStreamApiError, type JetStreamClient } from '@nats-io/jetstream';
import { Objm } from '@nats-io/obj';

import { StreamError } from './errors.js';

export interface StoredObject {
  readonly name: string;
  readonly bytes: number;
  /** `SHA-256=` and the digest in base64url. */
  readonly digest: string;
}

const stallLimitMs = 10_000;

export async function listObjects(client: JetStreamClient, bucket: string): Promise<StoredObject[]> {
  const store = await new Objm(client).open(bucket, false);
  const found = await within(store.list(), 'the list of objects');
  return found.map(({ name, size, digest }) => ({ name, bytes: size, digest }));
}

export async function fetchObject(
  client: JetStreamClient,
  bucket: string,
  name: string,
  sink: (piece: Uint8Array) => Promise<void> | void,
): Promise<void> {
  const store = await new Objm(client).open(bucket, false);
  const found = await store.get(name).catch((error: unknown) => {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.NoMessageFound) return null;
    throw error;
  });
  if (found === null) {
    throw new StreamError('missing', `object ${name}: found none in ${bucket}; the job may not have written it yet`);
  }
  // The same failure also arrives through the data; unhandled here it would end the process.
  void found.error.catch(() => undefined);
  const reader = found.data.getReader();
  try {
    for (;;) {
      const { done, value } = await within(reader.read(), `object ${name}`);
      if (done) return;
      await sink(value);
    }
  } catch (error) {
    if (error instanceof Error && error.message.includes('corrupt object')) {
      throw new StreamError('damaged', `object ${name}: its digest does not fit its data; use an older one`, {
        cause: error,
      });
    }
    throw error;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function within<T>(answer: Promise<T>, what: string): Promise<T> {
  const stalled = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    stalled.reject(new StreamError('unreachable', `${what}: nothing came within ${stallLimitMs / 1_000} s`));
  }, stallLimitMs);
  try {
    return await Promise.race([answer, stalled.promise]);
  } finally {
    clearTimeout(timer);
  }
}
