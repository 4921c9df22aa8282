/**
 * The operator's hands on NATS: creates a job's streams, looks at them, trims them, removes them.
 *
 * Invariants:
 *  A1 Provisioning is idempotent and never deletes: what exists is brought to the wanted configuration in place.
 *  A2 `observe` never throws: without an answer the observation says Unreachable, and the caller holds.
 *  A3 LOGITS are only ever deleted below a sequence that the caller names, or one damaged frame at a time.
 */
import { isDeepStrictEqual } from 'node:util';

import {
  type ConsumerInfo,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  type StreamInfo,
} from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';

import {
  type DeadItem,
  deadItemSchema,
  jobNames,
  type JobNames,
  type Reference,
  referenceSchema,
  type StudentState,
  studentStateSchema,
  type TeacherState,
  teacherStateSchema,
} from '../protocol/index.js';

import { StreamError, streamErrorFrom } from './errors.js';
import { type LinkOptions, OperatorLink, type StreamHealth } from './link.js';
import { listObjects, readObject, type StoredObject } from './objects.js';
import { parseJson, type PresentStreams, type StreamObservation } from './observation.js';
import {
  anyStateChange,
  type ConsumerSpec,
  type JobStreams,
  objectStreamOf,
  stateChangesOf,
  stateStreamOf,
} from './streams.js';

/** For a command that is of no use without its server. @throws StreamError when there is no connection within the limit */
export async function connectStreams(options: LinkOptions & { readonly waitMs: number }): Promise<StreamAdmin> {
  return new StreamAdmin(await OperatorLink.connect(options));
}

/** For an operator, which may start before its server: until there is a connection, `observe` says Unreachable. */
export function openStreams(options: LinkOptions): StreamAdmin {
  return new StreamAdmin(OperatorLink.open(options));
}

export class StreamAdmin {
  readonly #link: OperatorLink;

  constructor(link: OperatorLink) {
    this.#link = link;
  }

  /** Server version, such as `2.14.5`. */
  get serverVersion(): string {
    return this.#link.serverVersion;
  }

  /** Whether NATS can be used now; without a connection every method but `observe` throws the reason. */
  get health(): StreamHealth {
    return this.#link.health;
  }

  /** Creates what is missing and updates what differs (A1). */
  async provision({ streams, consumers }: JobStreams): Promise<void> {
    await Promise.all(
      streams.map((wanted) =>
        this.#do(`create stream ${wanted.name}`, async (manager) => {
          const found = await orNull(manager.streams.info(wanted.name));
          if (found === null) await manager.streams.add(wanted);
          else if (differs(wanted, found.config)) await manager.streams.update(wanted.name, wanted);
        }),
      ),
    );
    await Promise.all(consumers.map(({ stream, config }) => this.#provisionConsumer(stream, config)));
  }

  async #provisionConsumer(stream: string, wanted: ConsumerSpec): Promise<void> {
    const { durable_name } = wanted;
    await this.#do(`create consumer ${stream}/${durable_name}`, async (manager) => {
      const found = await orNull(manager.consumers.info(stream, durable_name));
      if (found === null) await manager.consumers.add(stream, wanted);
      else if (differs(wanted, found.config)) await manager.consumers.update(stream, durable_name, wanted);
    });
  }

  async observe(uid: string): Promise<StreamObservation> {
    const { health } = this.#link;
    if (!health.connected) return { state: 'Unreachable', reason: health.reason };
    try {
      return await this.#look(jobNames(uid));
    } catch (error) {
      return { state: 'Unreachable', reason: streamErrorFrom(error, `look at the streams of job ${uid}`).message };
    }
  }

  async #look(names: JobNames): Promise<StreamObservation> {
    const { streams, consumers } = this.#link.manager;
    const stateStream = stateStreamOf(names);
    const [work, logits, dead, state, objects, teachers, student] = await Promise.all([
      orNull(streams.info(names.streams.work)),
      orNull(streams.info(names.streams.logits)),
      orNull(streams.info(names.streams.dead)),
      orNull(streams.info(stateStream, { subjects_filter: '>' })),
      orNull(streams.info(objectStreamOf(names))),
      orNull(consumers.info(names.streams.work, names.consumers.teachers)),
      orNull(consumers.info(names.streams.logits, names.consumers.student)),
    ]);
    const parts: readonly (readonly [string, StreamInfo | ConsumerInfo | null])[] = [
      [names.streams.work, work],
      [names.streams.logits, logits],
      [names.streams.dead, dead],
      [stateStream, state],
      [objectStreamOf(names), objects],
      [`${names.streams.work}/${names.consumers.teachers}`, teachers],
      [`${names.streams.logits}/${names.consumers.student}`, student],
    ];
    if (parts.every(([, info]) => info === null)) return { state: 'Absent' };
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
      ...(await this.#readState(names, Object.keys(state?.state.subjects ?? {}))),
    };
  }

  async #readState(
    names: JobNames,
    subjects: readonly string[],
  ): Promise<Pick<PresentStreams, 'student' | 'teachers' | 'reference' | 'garbage'>> {
    const prefix = `$KV.${names.stateBucket}.`;
    let student: StudentState | null = null;
    let reference: Reference | null = null;
    const teachers: TeacherState[] = [];
    let garbage = 0;
    const stateStream = stateStreamOf(names);
    const values = await Promise.all(subjects.map((subject) => this.#lastOf(stateStream, subject)));
    for (const [at, data] of values.entries()) {
      // Between the list and the read the key was deleted.
      if (data === null) continue;
      const key = subjects[at]?.slice(prefix.length) ?? '';
      if (key === names.stateKeys.student) {
        student = parseJson(studentStateSchema, data) ?? null;
        if (student === null) garbage += 1;
      } else if (key === names.stateKeys.reference) {
        reference = parseJson(referenceSchema, data) ?? null;
        if (reference === null) garbage += 1;
      } else {
        const teacher = parseJson(teacherStateSchema, data);
        // A teacher may write only what lies under its own name.
        if (teacher !== undefined && key === names.stateKeys.teacher(teacher.pod)) teachers.push(teacher);
        else garbage += 1;
      }
    }
    teachers.sort((a, b) => (a.pod < b.pod ? -1 : 1));
    return { student, teachers, reference, garbage };
  }

  /** The last message of a subject; null when there is none or it is a mark of deletion. */
  async #lastOf(stream: string, subject: string): Promise<Uint8Array | null> {
    const message = await this.#link.manager.direct.getMessage(stream, { last_by_subj: subject });
    if (message === null || message.header.has('KV-Operation')) return null;
    return message.data;
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

  /** Deletes every logits frame below a sequence (A3). */
  async trim(uid: string, belowSequence: number): Promise<void> {
    if (belowSequence <= 1) return;
    const { logits } = jobNames(uid).streams;
    await this.#do(`trim ${logits} below ${belowSequence}`, (manager) =>
      manager.streams.purge(logits, { seq: belowSequence }),
    );
  }

  /** Deletes one damaged frame, so that its subject is free again. @returns false when it is gone already */
  async deleteFrame(uid: string, sequence: number): Promise<boolean> {
    const { logits } = jobNames(uid).streams;
    return this.#do(`delete frame ${sequence} of ${logits}`, async (manager) => {
      try {
        return await manager.streams.deleteMessage(logits, sequence, false);
      } catch (error) {
        if (error instanceof JetStreamApiError && error.code === sequenceNotFound) return false;
        throw error;
      }
    });
  }

  /** Buried work items, at most `limit`; unreadable ones are left out. */
  async deadItems(uid: string, limit: number): Promise<DeadItem[]> {
    const { streams } = jobNames(uid);
    return this.#do(`read ${streams.dead}`, async (manager) => {
      const info = await orNull(manager.streams.info(streams.dead, { subjects_filter: '>' }));
      const subjects = Object.keys(info?.state.subjects ?? {}).slice(0, limit);
      const values = await Promise.all(subjects.map((subject) => this.#lastOf(streams.dead, subject)));
      return values.flatMap((data) => (data === null ? [] : (parseJson(deadItemSchema, data) ?? [])));
    });
  }

  /** Gives every buried work item another chance: a person has changed something since. */
  async exhume(uid: string): Promise<void> {
    const { dead } = jobNames(uid).streams;
    await this.#do(`empty ${dead}`, (manager) => orNull(manager.streams.purge(dead)));
  }

  /** Removes the telemetry of a teacher that is gone; a watch hears of it. */
  async forgetTeacher(uid: string, pod: string): Promise<void> {
    const names = jobNames(uid);
    const subject = `$KV.${names.stateBucket}.${names.stateKeys.teacher(pod)}`;
    await this.#do(`forget teacher ${pod}`, async (manager) => {
      const deletion = headers();
      deletion.set('KV-Operation', 'DEL');
      await manager.jetstream().publish(subject, new Uint8Array(), { headers: deletion });
      // The mark of deletion told the watchers; it need not stay.
      await manager.streams.purge(stateStreamOf(names), { filter: subject });
    });
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
    const names = jobNames(uid);
    const { work, logits, dead } = names.streams;
    await this.#do(`remove the streams of job ${uid}`, (manager) =>
      Promise.all(
        [work, logits, dead, stateStreamOf(names), objectStreamOf(names)].map((stream) =>
          orNull(manager.streams.delete(stream)),
        ),
      ),
    );
  }

  async close(): Promise<void> {
    await this.#link.close();
  }

  async #do<T>(doing: string, call: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    const { health } = this.#link;
    if (!health.connected) throw new StreamError('unreachable', `${doing}: ${health.reason}`);
    try {
      return await call(this.#link.manager);
    } catch (error) {
      throw streamErrorFrom(error, doing);
    }
  }
}

/** Code of a deletion of a message that is not there. */
const sequenceNotFound = 10043;

/** The answer, or null when the stream or consumer does not exist. */
async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    const missing: readonly number[] = [JetStreamApiCodes.StreamNotFound, JetStreamApiCodes.ConsumerNotFound];
    if (error instanceof JetStreamApiError && missing.includes(error.code)) return null;
    throw error;
  }
}

/** True when a field that we set has another value on the server; fields that we leave alone do not count. */
function differs(wanted: object, found: object): boolean {
  const existing = new Map(Object.entries(found));
  return Object.entries(wanted).some(([field, value]) => !isDeepStrictEqual(existing.get(field) ?? false, value));
}
