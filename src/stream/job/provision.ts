/**
 * Brings one stream or consumer to its wanted configuration, in place. Owns the sentence for a stream that finds no room.
 */
import { isDeepStrictEqual } from 'node:util';

import { type AccountRoom, jetStreamRefusal, orNull, roomFault, type Shortage } from '@distillery/nats';
import type { JetStreamManager, StreamInfo } from '@nats-io/jetstream';

import { limitOf, saving, StreamError } from '../errors/index.js';
import type { ConsumerSpec, StreamSpec } from './streams.js';

/** Sends a write, or throws when this process may not write any more. */
export type WriteGuard = <T>(send: () => Promise<T>) => Promise<T>;

export interface ProvisionOptions {
  readonly write: WriteGuard;
  /** Where the limits of the account are set, for messages. */
  readonly settings: string;
}

/** @throws StreamError full when there is no room; otherwise what the client library or `write` throws */
export async function provisionStream(
  manager: JetStreamManager,
  wanted: StreamSpec,
  { write, settings }: ProvisionOptions,
): Promise<void> {
  const found = await orNull(manager.streams.info(wanted.name));
  try {
    if (found === null) {
      await write(() => manager.streams.add(wanted));
      return;
    }
    const updated = withMetadataOf(wanted, found);
    if (differs(updated, found.config)) await write(() => manager.streams.update(wanted.name, updated));
  } catch (error) {
    throw await roomError(manager, error, wanted, settings);
  }
}

/** @throws what the client library or `write` throws */
export async function provisionConsumer(
  manager: JetStreamManager,
  stream: string,
  wanted: ConsumerSpec,
  write: WriteGuard,
): Promise<void> {
  const { durable_name } = wanted;
  const found = await orNull(manager.consumers.info(stream, durable_name));
  if (found === null) await write(() => manager.consumers.add(stream, wanted));
  else if (differs(wanted, found.config)) {
    await write(() => manager.consumers.update(stream, durable_name, wanted));
  }
}

/** The error itself, or one that says which limit keeps the stream from being made. */
async function roomError(
  manager: JetStreamManager,
  error: unknown,
  wanted: StreamSpec,
  settings: string,
): Promise<unknown> {
  const refusal = jetStreamRefusal(error);
  if (refusal?.fault !== 'noRoom') return error;
  const { limit: said, text } = refusal;
  const room = said === 'either' ? await accountRoom(manager, wanted.storage) : null;
  const wantedBytes = (wanted.max_bytes ?? 0) * (wanted.num_replicas ?? 1);
  const shortage: Shortage =
    room === null
      ? { limit: said, text, settings, saving }
      : { limit: limitOf(room, wantedBytes), text, settings, saving, account: { ...room, wantedBytes } };
  return new StreamError('full', { about: `create stream ${wanted.name}`, ...roomFault(shortage) }, { cause: error });
}

/** null when the account's user may not read its figures. */
async function accountRoom(manager: JetStreamManager, storage: StreamSpec['storage']): Promise<AccountRoom | null> {
  try {
    const { limits, reserved_memory, reserved_storage } = await manager.getAccountInfo();
    const [limit, reservedBytes] =
      storage === 'memory' ? [limits.max_memory, reserved_memory] : [limits.max_storage, reserved_storage];
    return { limitBytes: limit < 0 ? null : limit, reservedBytes };
  } catch {
    return null;
  }
}

/** The wanted stream, with the metadata that the server and others wrote beside ours. */
function withMetadataOf(wanted: StreamSpec, { config: { metadata } }: StreamInfo): StreamSpec {
  return wanted.metadata === undefined ? wanted : { ...wanted, metadata: { ...metadata, ...wanted.metadata } };
}

/** True when a field that we set has another value on the server; fields that we leave alone do not count. */
function differs(wanted: object, found: object): boolean {
  const existing = new Map(Object.entries(found));
  return Object.entries(wanted).some(([field, value]) => !isDeepStrictEqual(existing.get(field) ?? false, value));
}
