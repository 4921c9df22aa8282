/** A job's reader: downloads its results and its history with the few rights of that role. */
import { jobNames, type NatsAccess } from '@distillery/protocol';
import { jetstreamManager } from '@nats-io/jetstream';

import { dialWithin } from '../link/index.js';
import { streamErrorFrom } from '../errors/index.js';
import { readHistory } from './history.js';
import { listObjects, readObject, type StoredObject } from './objects.js';

export interface ObjectReader {
  /** @throws StreamError */
  list(): Promise<StoredObject[]>;
  /** Pieces; the object is sound when the last was followed by no error. @throws StreamError missing, damaged, … */
  read(name: string): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

export interface JobStreamReader extends ObjectReader {
  /** What the operator recorded of the job; empty = nothing yet. @throws StreamError */
  history(): Promise<string>;
}

/** One piece of 256 KiB over a slow line. */
const requestLimitMs = 15_000;

/**
 * @throws StreamError when there is no connection within the limit, or the job's reader is refused; the signal's reason
 *   once it aborts
 */
export async function connectReader(
  access: NatsAccess & { readonly uid: string; readonly waitMs: number; readonly stop?: AbortSignal },
): Promise<JobStreamReader> {
  const names = jobNames(access.uid);
  const caller = { name: `distill-fetch-${access.uid}`, inboxPrefix: names.inboxPrefix('reader') };
  const connection = await dialWithin(access.waitMs, access, caller);
  const manager = await jetstreamManager(connection, { checkAPI: false, timeout: requestLimitMs });
  return {
    list: async () => {
      try {
        return await listObjects(manager, names);
      } catch (error) {
        throw streamErrorFrom(error, `list the objects of job ${access.uid}`);
      }
    },
    read: async function* (name) {
      try {
        yield* readObject(manager, names, name);
      } catch (error) {
        throw streamErrorFrom(error, `read object ${name}`);
      }
    },
    history: async () => {
      try {
        return (await readHistory(manager, names)).text;
      } catch (error) {
        throw streamErrorFrom(error, `read the history of job ${access.uid}`);
      }
    },
    close: () => connection.close(),
  };
}
