/**
 * A job's streams in one account of NATS, as the operator manages them: creates, observes, trims and removes them.
 *
 * Invariants:
 *  admin/A1 Provisioning is idempotent and never deletes: what exists is brought to the wanted configuration in place.
 *  admin/A2 `observe` never throws: without an answer the observation says Unreachable, and the caller holds.
 *  admin/A3 LOGITS are only ever deleted below a sequence that the caller names, or one damaged frame at a time.
 *  admin/A4 `mayWrite` is asked before each write, not before each method: a process that was paused between two requests
 *     and wakes after another has taken over must not create what that one has removed.
 */
import { isDeepStrictEqual } from 'node:util';

import { directGets, isMissing, orNull } from '@distillery/nats';
import { anyStateChange, type DeadItem, deadItemSchema, historyKey, jobNames } from '@distillery/protocol';
import type { JetStreamManager } from '@nats-io/jetstream';

import type { StoredStream, StreamOwner } from '../../domain/index.js';

import { accountSettings, StreamError, streamErrorFrom } from '../errors/index.js';
import { type LinkOptions, OperatorLink, type StreamHealth } from '../link/index.js';
import { readHistory, type StoredHistory, writeHistory } from './history.js';
import { isKept, metadataOf, ownerIn } from './marks.js';
import { listObjects, readObject, type StoredObject } from './objects.js';
import { type ObservedStreams, type ObserveOptions, observeStreams, parseJson } from './observe.js';
import { orGone } from './or-gone.js';
import { provisionConsumer, provisionStream, type WriteGuard } from './provision.js';
import { type JobStreams, streamNamesOf } from './streams.js';

/**
 * For a command that needs its server at once.
 * @throws StreamError when there is no connection within the limit; the signal's reason once it aborts
 */
export async function connectStreams(
  options: LinkOptions & { readonly waitMs: number; readonly stop?: AbortSignal | undefined },
): Promise<StreamAdmin> {
  return new StreamAdmin(await OperatorLink.connect(options));
}

/**
 * For an operator, which may start before its server: until there is a connection, `observe` says Unreachable.
 * @param mayWrite false while this process does not lead (admin/A4); absent = it always may
 */
export function openStreams(options: LinkOptions, mayWrite?: () => boolean): StreamAdmin {
  return new StreamAdmin(OperatorLink.open(options), mayWrite);
}

/** Dead items that cannot be read, such as those of a later version: as many are passed over in search of the newest. */
const unreadableDeadItems = 8;

export interface StorageFigures {
  readonly usedBytes: number;
  /** By the maximum sizes of the streams. */
  readonly reservedBytes: number;
  /** null = the account has no limit of its own. */
  readonly limitBytes: number | null;
}

export class StreamAdmin {
  readonly #link: OperatorLink;
  readonly #mayWrite: () => boolean;
  readonly #accountSettings: string;

  /** @param settings where the limits of the account are set, for messages */
  constructor(link: OperatorLink, mayWrite: () => boolean = () => true, settings: string = accountSettings.given) {
    this.#link = link;
    this.#mayWrite = mayWrite;
    this.#accountSettings = settings;
  }

  /** Server version, such as `2.14.5`. */
  get serverVersion(): string {
    return this.#link.serverVersion;
  }

  /** Whether NATS can be used now; without a connection every method but `observe` throws the reason. */
  get health(): StreamHealth {
    return this.#link.health;
  }

  /** What the account's streams take on disk. @throws StreamError */
  async storage(): Promise<StorageFigures> {
    return this.#do('read the figures of the account', async (manager) => {
      const { storage, reserved_storage, limits } = await manager.getAccountInfo();
      const { max_storage: limit } = limits;
      return { usedBytes: storage, reservedBytes: reserved_storage, limitBytes: limit < 0 ? null : limit };
    });
  }

  /** Creates what is missing and updates what differs (admin/A1). */
  async provision({ streams, consumers }: JobStreams): Promise<void> {
    const write: WriteGuard = (send) => this.#writing(send);
    const settings = this.#accountSettings;
    await Promise.all(
      streams.map((wanted) =>
        this.#do(`create stream ${wanted.name}`, (manager) => provisionStream(manager, wanted, { write, settings })),
      ),
    );
    await Promise.all(
      consumers.map(({ stream, config }) =>
        this.#do(`create consumer ${stream}/${config.durable_name}`, (manager) =>
          provisionConsumer(manager, stream, config, write),
        ),
      ),
    );
  }

  /** @param options which teachers' telemetry to read, and the time to date it by */
  async observe(uid: string, options: ObserveOptions = {}): Promise<ObservedStreams> {
    const { health } = this.#link;
    if (!health.connected) return { state: 'Unreachable', reason: health.reason };
    try {
      return await observeStreams(this.#link.manager, jobNames(uid), options);
    } catch (error) {
      return { state: 'Unreachable', reason: streamErrorFrom(error, `observe the streams of job ${uid}`).message };
    }
  }

  /**
   * Calls back with the key of every STATE value that a worker stored, at once; with null when anything may have changed: when
   * the watch has begun, and after a reconnect. A plain subscription to what the server repeats: it survives a bucket that is created again.
   * @returns ends the watch
   */
  watch(uid: string, onChange: (key: string | null) => void): () => void {
    const subject = jobNames(uid).subjects.stateChanges;
    const prefixLength = subject.length - 1;
    return this.#link.subscribe(
      subject,
      (changed) => {
        const key = changed.slice(prefixLength);
        // The operator's own writes change nothing that it decides on.
        if (key !== historyKey) onChange(key);
      },
      () => onChange(null),
    );
  }

  /**
   * `watch` for all jobs in one subscription.
   * @param onChange null for both: anything of any job may have changed
   */
  watchAll(onChange: (uid: string | null, key: string | null) => void): () => void {
    return this.#link.subscribe(
      anyStateChange,
      (changed) => {
        const [, uid = '', , ...keys] = changed.split('.');
        const key = keys.join('.');
        if (key !== historyKey) onChange(uid, key);
      },
      () => onChange(null, null),
    );
  }

  /** Deletes every logits frame below a sequence (admin/A3). */
  async trim(uid: string, belowSequence: number): Promise<void> {
    if (belowSequence <= 1) return;
    const { logits } = jobNames(uid).streams;
    await this.#do(`trim ${logits} below ${belowSequence}`, (manager) =>
      this.#writing(() => manager.streams.purge(logits, { seq: belowSequence })),
    );
  }

  /** Deletes one damaged frame, so that its subject is free again. @returns false when it is gone already */
  async deleteFrame(uid: string, sequence: number): Promise<boolean> {
    const { logits } = jobNames(uid).streams;
    return this.#do(`delete frame ${sequence} of ${logits}`, async (manager) => {
      try {
        return await this.#writing(() => manager.streams.deleteMessage(logits, sequence, false));
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
    });
  }

  /** The newest dead item; null when there is none, or none of the last ones can be read. */
  async newestDeadItem(uid: string): Promise<DeadItem | null> {
    const { streams, subjects } = jobNames(uid);
    return this.#do(`read ${streams.dead}`, async (manager) => {
      const info = await orNull(manager.streams.info(streams.dead));
      if (info === null) return null;
      const { first_seq: first, last_seq: last } = info.state;
      const gets = directGets(manager.direct, streams.dead);
      for (let sequence = last; sequence >= Math.max(1, first, last - unreadableDeadItems); sequence -= 1) {
        const message = await orNull(gets.next(subjects.allDead, sequence));
        const item = message === null ? undefined : parseJson(deadItemSchema, message.data);
        if (item !== undefined) return item;
      }
      return null;
    });
  }

  /** Removes the dead letters, so that their items are fed again: a person has changed something since. */
  async retryDeadLetters(uid: string): Promise<void> {
    const { dead } = jobNames(uid).streams;
    await this.#do(`empty ${dead}`, (manager) => this.#writing(() => orNull(manager.streams.purge(dead))));
  }

  /** @throws StreamError */
  async readHistory(uid: string): Promise<StoredHistory> {
    return this.#do(`read the history of job ${uid}`, (manager) =>
      orGone(manager, jobNames(uid).bucketStreams.state, () => readHistory(manager, jobNames(uid))),
    );
  }

  /** @returns moved when the stored one has another revision @throws StreamError */
  async writeHistory(uid: string, text: string, revision: number): Promise<'stored' | 'moved'> {
    return this.#do(`store the history of job ${uid}`, (manager) =>
      orGone(manager, jobNames(uid).bucketStreams.state, () =>
        this.#writing(() => writeHistory(manager, jobNames(uid), text, revision)),
      ),
    );
  }

  /** Names and sizes of the job's checkpoints and results. */
  async listObjects(uid: string): Promise<StoredObject[]> {
    return this.#do('list objects', (manager) => listObjects(manager, jobNames(uid)));
  }

  /**
   * The pieces of one object; it is whole and sound when no error follows the last.
   * @throws StreamError missing when there is none, damaged when its digest does not fit
   */
  async *readObject(uid: string, name: string): AsyncGenerator<Uint8Array> {
    try {
      yield* readObject(this.#link.manager, jobNames(uid), name);
    } catch (error) {
      throw streamErrorFrom(error, `read object ${name}`);
    }
  }

  /** Deletes all streams of the job; missing ones are not an error. */
  async remove(uid: string): Promise<void> {
    await this.#do(`remove the streams of job ${uid}`, (manager) =>
      Promise.all(
        streamNamesOf(jobNames(uid)).map((stream) => this.#writing(() => orNull(manager.streams.delete(stream)))),
      ),
    );
  }

  /** All streams of this account, of jobs and others. @throws StreamError */
  async listStreams(): Promise<StoredStream[]> {
    return this.#do('list streams', async (manager) => {
      const streams: StoredStream[] = [];
      for await (const { config } of manager.streams.list()) {
        const { name, metadata } = config;
        streams.push({ name, uid: jobUidIn(name), owner: ownerIn(metadata), kept: isKept(metadata) });
      }
      return streams;
    });
  }

  /**
   * Writes the owner into the stream's metadata and leaves all else as it is. A stream that is gone is fine.
   * @throws StreamError
   */
  async markStream(stream: string, owner: StreamOwner): Promise<void> {
    await this.#do(`mark stream ${stream}`, async (manager) => {
      const found = await orNull(manager.streams.info(stream));
      if (found === null) return;
      const metadata = { ...found.config.metadata, ...metadataOf(owner) };
      await this.#writing(() => orNull(manager.streams.update(stream, { metadata })));
    });
  }

  /**
   * Deletes those of these streams that still carry exactly this mark and are not marked as kept.
   * @returns the names of the deleted ones
   * @throws StreamError
   */
  async removeOwned(streams: readonly string[], owner: StreamOwner): Promise<string[]> {
    return this.#do(`remove the streams of job ${owner.uid}`, async (manager) => {
      const removed: string[] = [];
      for (const stream of streams) {
        const found = await orNull(manager.streams.info(stream));
        if (found === null || jobUidIn(stream) !== owner.uid) continue;
        const { metadata } = found.config;
        if (isKept(metadata) || !isDeepStrictEqual(ownerIn(metadata), { ...owner })) continue;
        await this.#writing(() => orNull(manager.streams.delete(stream)));
        removed.push(stream);
      }
      return removed;
    });
  }

  async close(): Promise<void> {
    await this.#link.close();
  }

  /** admin/A4. @throws StreamError notLeading */
  async #writing<T>(write: () => Promise<T>): Promise<T> {
    if (!this.#mayWrite()) {
      throw new StreamError('notLeading', {
        about: '',
        problem: 'this process no longer leads, and nothing was sent to NATS',
        remedy: '',
      });
    }
    return write();
  }

  async #do<T>(doing: string, call: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    const { health } = this.#link;
    if (!health.connected) throw new StreamError('unreachable', { about: doing, problem: health.reason, remedy: '' });
    try {
      return await call(this.#link.manager);
    } catch (error) {
      throw streamErrorFrom(error, doing);
    }
  }
}

/** The uid of the job whose stream has this name; null = not a stream of a job. */
function jobUidIn(stream: string): string | null {
  const uid = /^(?:KV_|OBJ_)?DISTILL_([A-Za-z0-9-]{1,63})_[A-Z]+$/.exec(stream)?.[1];
  return uid !== undefined && streamNamesOf(jobNames(uid)).includes(stream) ? uid : null;
}
