/**
 * The operator's hands on NATS: creates a job's streams, looks at them, trims them, removes them.
 *
 * Invariants:
 *  admin/A1 Provisioning is idempotent and never deletes: what exists is brought to the wanted configuration in place.
 *  admin/A2 `observe` never throws: without an answer the observation says Unreachable, and the caller holds.
 *  admin/A3 LOGITS are only ever deleted below a sequence that the caller names, or one damaged frame at a time.
 *  admin/A4 Before each write, not before each method, the caller is asked whether it may still write: a process that
 *     was stopped between two requests and wakes after another has taken over must not create what that one has
 *     removed.
 */
import { isDeepStrictEqual } from 'node:util';

import { Turns } from '@distillery/base';
import {
  type DeadItem,
  deadItemSchema,
  fitsTeacherKey,
  jetStreamFault,
  jetStreamLimit,
  jobNames,
  type JobNames,
  logitsReaderOf,
  referenceSchema,
  studentRanks,
  studentStateSchema,
  type TeacherState,
  teacherStateSchema,
} from '@distillery/protocol';
import {
  type ConsumerInfo,
  JetStreamApiError,
  type JetStreamManager,
  type StoredMsg,
  type StreamInfo,
} from '@nats-io/jetstream';
import type { z } from 'zod';

import { StreamError, streamErrorFrom } from './errors.js';
import { type LinkOptions, OperatorLink, type StreamHealth } from './link.js';
import { isKept, metadataOf, ownerIn, type StreamOwner } from './marks.js';
import { listObjects, readObject, type StoredObject } from './objects.js';
import { type ObserveOptions, parseJson, type PresentStreams, type StreamObservation } from './observation.js';
import { type AccountRoom, accountSettings, limitOf, roomSentence, type Shortage } from './room.js';
import {
  anyStateChange,
  type ConsumerSpec,
  type JobStreams,
  objectStreamOf,
  stateChangesOf,
  stateStreamOf,
  streamNamesOf,
  type StreamSpec,
  teacherStreamOf,
} from './streams.js';

/**
 * For a command that is of no use without its server.
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

  /** Creates what is missing and updates what differs (admin/A1). */
  async provision({ streams, consumers }: JobStreams): Promise<void> {
    await Promise.all(
      streams.map((wanted) =>
        this.#do(`create stream ${wanted.name}`, async (manager) => {
          const found = await orNull(manager.streams.info(wanted.name));
          try {
            if (found === null) {
              await this.#writing(() => manager.streams.add(wanted));
              return;
            }
            const updated = withMetadataOf(wanted, found);
            if (differs(updated, found.config)) {
              await this.#writing(() => manager.streams.update(wanted.name, updated));
            }
          } catch (error) {
            throw await this.#roomError(error, wanted);
          }
        }),
      ),
    );
    await Promise.all(consumers.map(({ stream, config }) => this.#provisionConsumer(stream, config)));
  }

  /** The error itself, or one that says which limit keeps the stream from being made. */
  async #roomError(error: unknown, wanted: StreamSpec): Promise<unknown> {
    if (!(error instanceof JetStreamApiError)) return error;
    const { code, status, message: text } = error;
    if (jetStreamFault({ code, status, description: text }) !== 'noRoom') return error;
    const settings = this.#accountSettings;
    const said = jetStreamLimit({ code });
    const room = said === 'either' ? await this.#accountRoom(wanted.storage) : null;
    const wantedBytes = (wanted.max_bytes ?? 0) * (wanted.num_replicas ?? 1);
    const shortage: Shortage =
      room === null
        ? { limit: said, text, settings }
        : { limit: limitOf(room, wantedBytes), text, settings, account: { ...room, wantedBytes } };
    return new StreamError(
      'full',
      { about: `create stream ${wanted.name}`, problem: roomSentence(shortage), remedy: '' },
      { cause: error },
    );
  }

  /** null when the account says nothing, because its user may not ask. */
  async #accountRoom(storage: StreamSpec['storage']): Promise<AccountRoom | null> {
    try {
      const { limits, reserved_memory, reserved_storage } = await this.#link.manager.getAccountInfo();
      const [limit, reservedBytes] =
        storage === 'memory' ? [limits.max_memory, reserved_memory] : [limits.max_storage, reserved_storage];
      return { limitBytes: limit < 0 ? null : limit, reservedBytes };
    } catch {
      return null;
    }
  }

  async #provisionConsumer(stream: string, wanted: ConsumerSpec): Promise<void> {
    const { durable_name } = wanted;
    await this.#do(`create consumer ${stream}/${durable_name}`, async (manager) => {
      const found = await orNull(manager.consumers.info(stream, durable_name));
      if (found === null) await this.#writing(() => manager.consumers.add(stream, wanted));
      else if (differs(wanted, found.config)) {
        await this.#writing(() => manager.consumers.update(stream, durable_name, wanted));
      }
    });
  }

  async observe(uid: string, options: ObserveOptions = {}): Promise<StreamObservation> {
    const { health } = this.#link;
    if (!health.connected) return { state: 'Unreachable', reason: health.reason };
    try {
      return await this.#observe(jobNames(uid), options);
    } catch (error) {
      return { state: 'Unreachable', reason: streamErrorFrom(error, `observe the streams of job ${uid}`).message };
    }
  }

  async #observe(
    names: JobNames,
    { teachers: pods = [], ranks = studentRanks, nowMs }: ObserveOptions,
  ): Promise<StreamObservation> {
    const { streams, consumers } = this.#link.manager;
    const [work, logits, dead, state, telemetry, objects, teachers, students] = await Promise.all([
      orNull(streams.info(names.streams.work)),
      orNull(streams.info(names.streams.logits)),
      orNull(streams.info(names.streams.dead)),
      orNull(streams.info(stateStreamOf(names))),
      orNull(streams.info(teacherStreamOf(names))),
      orNull(streams.info(objectStreamOf(names))),
      orNull(consumers.info(names.streams.work, names.consumers.teachers)),
      Promise.all(
        ranks.map(async (rank): Promise<[string, ConsumerInfo | null]> => {
          const consumer = names.consumers.student(rank);
          return [`${names.streams.logits}/${consumer}`, await orNull(consumers.info(names.streams.logits, consumer))];
        }),
      ),
    ]);
    const parts: readonly (readonly [string, StreamInfo | ConsumerInfo | null])[] = [
      [names.streams.work, work],
      [names.streams.logits, logits],
      [names.streams.dead, dead],
      [stateStreamOf(names), state],
      [teacherStreamOf(names), telemetry],
      [objectStreamOf(names), objects],
      [`${names.streams.work}/${names.consumers.teachers}`, teachers],
      ...students,
    ];
    if (parts.every(([, info]) => info === null)) return { state: 'Absent' };
    const dated = datedBy(state ?? telemetry, nowMs);
    const read = {
      ...(state === null ? absentState(names, ranks) : await this.#readState(names, ranks, dated)),
      ...(telemetry === null || telemetry.state.messages === 0
        ? { teachers: [], badTeachers: 0 }
        : await this.#readTeachers(names, pods, dated)),
    };
    const { badTeachers, ...values } = read;
    return {
      state: 'Present',
      missing: parts.filter(([, info]) => info === null).map(([name]) => name),
      work: {
        messages: work?.state.messages ?? 0,
        pending: teachers?.num_pending ?? 0,
        ackPending: teachers?.num_ack_pending ?? 0,
        redelivered: teachers?.num_redelivered ?? 0,
      },
      logits: {
        messages: logits?.state.messages ?? 0,
        bytes: logits?.state.bytes ?? 0,
        firstSequence: logits?.state.first_seq ?? 0,
        lastSequence: logits?.state.last_seq ?? 0,
      },
      dead: { messages: dead?.state.messages ?? 0 },
      objects: { bytes: objects?.state.bytes ?? 0 },
      ...values,
      garbage: values.garbage + badTeachers,
    };
  }

  async #readState(names: JobNames, ranks: readonly number[], dated: Dated): Promise<ObservedState> {
    const read = async <T extends object>(key: string, schema: z.ZodType<T>): Promise<ReadValue<T>> => {
      const message = await this.#lastOf(stateStreamOf(names), `$KV.${names.stateBucket}.${key}`);
      if (message === null) return { kind: 'absent' };
      const value = parseJson(schema, message.data);
      return value === undefined ? { kind: 'garbage' } : { kind: 'value', value, message };
    };
    const [reference, students] = await Promise.all([
      read(names.stateKeys.reference, referenceSchema),
      Promise.all(ranks.map((rank) => read(names.stateKeys.student(rank), studentStateSchema))),
    ]);
    const states = students.map((found) => (found.kind === 'value' ? dated(found.value, found.message) : null));
    return {
      student: states[0] ?? null,
      readers: ranks.map((rank, at) => logitsReaderOf(names.stateKeys.student(rank), states[at] ?? null)),
      reference: reference.kind === 'value' ? reference.value : null,
      garbage: [reference, ...students].filter(({ kind }) => kind === 'garbage').length,
    };
  }

  async #readTeachers(
    names: JobNames,
    pods: readonly string[],
    dated: Dated,
  ): Promise<{ readonly teachers: readonly TeacherState[]; readonly badTeachers: number }> {
    const teachers: TeacherState[] = [];
    let badTeachers = 0;
    const turns = new Turns(readsAtOnce);
    const read = async (pod: string): Promise<void> => {
      const subject = `$KV.${names.teacherBucket}.${names.teacherKey(pod)}`;
      const message = await this.#lastOf(teacherStreamOf(names), subject);
      if (message === null) return;
      const state = parseJson(teacherStateSchema, message.data);
      // A teacher may write only what is stored under its own name.
      if (state?.pod === pod) teachers.push(dated(state, message));
      else badTeachers += 1;
    };
    await Promise.all(pods.filter(fitsTeacherKey).map((pod) => turns.run(() => read(pod))));
    teachers.sort((a, b) => (a.pod < b.pod ? -1 : 1));
    return { teachers, badTeachers };
  }

  /** The last message of a subject; null when there is none or it marks a deletion. */
  async #lastOf(stream: string, subject: string): Promise<StoredMsg | null> {
    const message = await orNull(this.#link.manager.direct.getMessage(stream, { last_by_subj: subject }));
    return message === null || message.header.has('KV-Operation') ? null : message;
  }

  /**
   * Calls back with the key of every STATE value that was stored, at once; with null when anything may have changed: when
   * the watch has begun, and after a reconnect. A plain subscription to what the server repeats: it survives a bucket that is created again.
   * @returns ends the watch
   */
  watch(uid: string, onChange: (key: string | null) => void): () => void {
    const subject = stateChangesOf(jobNames(uid));
    const prefixLength = subject.length - 1;
    return this.#link.subscribe(
      subject,
      (changed) => onChange(changed.slice(prefixLength)),
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
        const [, uid = '', , ...key] = changed.split('.');
        onChange(uid, key.join('.'));
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

  /** Dead letters, oldest first, at most `limit`; unreadable ones count and are left out. */
  async deadItems(uid: string, limit: number): Promise<DeadItem[]> {
    const { streams, subjects } = jobNames(uid);
    return this.#do(`read ${streams.dead}`, async (manager) => {
      const items: DeadItem[] = [];
      for (let sequence = 1, read = 0; read < limit; read += 1) {
        const query = { seq: sequence, next_by_subj: subjects.allDead };
        const message = await orNull(manager.direct.getMessage(streams.dead, query));
        if (message === null) break;
        const item = parseJson(deadItemSchema, message.data);
        if (item !== undefined) items.push(item);
        sequence = message.seq + 1;
      }
      return items;
    });
  }

  /** Removes the dead letters, so that their items are fed again: a person has changed something since. */
  async retryDeadLetters(uid: string): Promise<void> {
    const { dead } = jobNames(uid).streams;
    await this.#do(`empty ${dead}`, (manager) => this.#writing(() => orNull(manager.streams.purge(dead))));
  }

  /** Names and sizes of the job's checkpoints and results. */
  async listObjects(uid: string): Promise<StoredObject[]> {
    return this.#do('list objects', (manager) => listObjects(manager, jobNames(uid)));
  }

  /**
   * One object, piece by piece; it is whole and sound when the last piece was followed by no error.
   * @throws StreamError missing when there is none, damaged when its digest does not fit
   */
  async *readObject(uid: string, name: string): AsyncGenerator<Uint8Array> {
    try {
      yield* readObject(this.#link.manager, jobNames(uid), name);
    } catch (error) {
      throw streamErrorFrom(error, `read object ${name}`);
    }
  }

  /** Deletes all streams of the job; what is gone already is fine. */
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
        problem: 'this process no longer leads',
        remedy: 'nothing was sent to NATS',
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

/** A stream of an account, as the sweep for streams without a job reads it. */
export interface StoredStream {
  readonly name: string;
  /** Job uid in the stream's name; null = not a stream of a job. */
  readonly uid: string | null;
  /** null = without a complete mark. */
  readonly owner: StreamOwner | null;
  /** A person marked it as kept. */
  readonly kept: boolean;
}

/** The uid of the job whose stream has this name; null = not a stream of a job. */
function jobUidIn(stream: string): string | null {
  const uid = /^(?:KV_|OBJ_)?DISTILL_([A-Za-z0-9-]{1,63})_[A-Z]+$/.exec(stream)?.[1];
  return uid !== undefined && streamNamesOf(jobNames(uid)).includes(stream) ? uid : null;
}

/** The wanted stream, with the metadata that the server and others wrote beside ours. */
function withMetadataOf(wanted: StreamSpec, { config: { metadata } }: StreamInfo): StreamSpec {
  return wanted.metadata === undefined ? wanted : { ...wanted, metadata: { ...metadata, ...wanted.metadata } };
}

/** Direct gets in flight for one job. */
const readsAtOnce = 32;

/** Replaces the writer's time of a value by what the server knows of its age. */
type Dated = <T extends { readonly updatedAtMs: number }>(value: T, message: StoredMsg) => T;

type ObservedState = Pick<PresentStreams, 'student' | 'readers' | 'reference' | 'garbage'>;

type ReadValue<T> =
  | { readonly kind: 'absent' }
  | { readonly kind: 'garbage' }
  | { readonly kind: 'value'; readonly value: T; readonly message: StoredMsg };

/** What is observed of a job without STATE: readers that report nothing may need every frame. */
function absentState(names: JobNames, ranks: readonly number[]): ObservedState {
  const readers = ranks.map((rank) => logitsReaderOf(names.stateKeys.student(rank), null));
  return { student: null, readers, reference: null, garbage: 0 };
}

/** @param info of a stream of the server: carries the server's time of the observation */
function datedBy(info: StreamInfo | null, nowMs: number | undefined): Dated {
  const serverMs = Date.parse(info?.ts ?? '');
  return (value, message) => {
    const storedMs = message.time.getTime();
    if (nowMs === undefined) return { ...value, updatedAtMs: storedMs };
    // Servers send their time from 2.10 on. Without it a value counts as stored now at the latest.
    const ageMs = Number.isNaN(serverMs) ? nowMs - storedMs : serverMs - storedMs;
    return { ...value, updatedAtMs: nowMs - Math.max(0, ageMs) };
  };
}

/** The answer, or null when the stream or consumer does not exist. */
async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** True when a stream, consumer or message does not exist. */
function isMissing(error: unknown): boolean {
  if (!(error instanceof JetStreamApiError)) return false;
  const { code, status, message } = error;
  return jetStreamFault({ code, status, description: message }) === 'missing';
}

/** True when a field that we set has another value on the server; fields that we leave alone do not count. */
function differs(wanted: object, found: object): boolean {
  const existing = new Map(Object.entries(found));
  return Object.entries(wanted).some(([field, value]) => !isDeepStrictEqual(existing.get(field) ?? false, value));
}
