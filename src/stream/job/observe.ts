/**
 * Observes a job's streams at one time, in the shape that the domain declares. Workers wrote the telemetry: it is parsed,
 * and what does not parse is counted and left out (a monitoring gap means hold, design §5.5).
 */
import { Turns } from '@distillery/base';
import { directGets, isDeletionMark, orNull } from '@distillery/nats';
import {
  fitsTeacherKey,
  type JobNames,
  logitsReaderOf,
  referenceSchema,
  studentRanks,
  studentStateSchema,
  type TeacherState,
  teacherStateSchema,
} from '@distillery/protocol';
import type { ConsumerInfo, DirectStreamAPI, JetStreamManager, StoredMsg, StreamInfo } from '@nats-io/jetstream';
import type { z } from 'zod';

import type { PresentStreams, StreamObservation } from '../../domain/index.js';

/** What the domain decides on, and figures that only people and tests read. */
export interface PresentJobStreams extends PresentStreams {
  readonly work: PresentStreams['work'] & {
    /** Items in work that were delivered more than once. */
    readonly redelivered: number;
  };
  readonly objects: { readonly bytes: number };
  /** STATE values that were no valid telemetry. */
  readonly garbage: number;
}

export type ObservedStreams = Exclude<StreamObservation, PresentStreams> | PresentJobStreams;

/** What an observation includes beside the streams themselves. */
export interface ObserveOptions {
  /** Pods whose telemetry to read; a worker may have stored any number of other keys. */
  readonly teachers?: readonly string[];
  /** Ranks of the job's student processes, `firstRank` first. Default: `studentRanks`. */
  readonly ranks?: readonly number[];
  /**
   * The caller's clock, milliseconds since 1970: `updatedAtMs` of every value then is this time less the value's age by the
   * server's clock, whatever the worker wrote. Default: the server's time of the message.
   */
  readonly nowMs?: number;
}

/** @throws what the client library throws */
export async function observeStreams(
  { streams, consumers, direct }: JetStreamManager,
  names: JobNames,
  { teachers: pods = [], ranks = studentRanks, nowMs }: ObserveOptions,
): Promise<ObservedStreams> {
  const { bucketStreams } = names;
  const [work, logits, dead, state, telemetry, objects, teachers, students] = await Promise.all([
    orNull(streams.info(names.streams.work)),
    orNull(streams.info(names.streams.logits)),
    orNull(streams.info(names.streams.dead)),
    orNull(streams.info(bucketStreams.state)),
    orNull(streams.info(bucketStreams.teachers)),
    orNull(streams.info(bucketStreams.objects)),
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
    [bucketStreams.state, state],
    [bucketStreams.teachers, telemetry],
    [bucketStreams.objects, objects],
    [`${names.streams.work}/${names.consumers.teachers}`, teachers],
    ...students,
  ];
  if (parts.every(([, info]) => info === null)) return { state: 'Absent' };
  const dated = datedBy(state ?? telemetry, nowMs);
  const values = state === null ? absentState(names, ranks) : await readState(direct, names, ranks, dated);
  const isSilent = telemetry === null || telemetry.state.messages === 0;
  const reported = isSilent ? noTeachers : await readTeachers(direct, names, pods, dated);
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
    student: values.student,
    readers: values.readers,
    reference: values.reference,
    teachers: reported.teachers,
    garbage: values.garbage + reported.garbage,
  };
}

type StateValues = Pick<PresentJobStreams, 'student' | 'readers' | 'reference' | 'garbage'>;
type Reported = Pick<PresentJobStreams, 'teachers' | 'garbage'>;

type ReadValue<T> =
  | { readonly kind: 'absent' }
  | { readonly kind: 'garbage' }
  | { readonly kind: 'value'; readonly value: T; readonly message: StoredMsg };

const noTeachers: Reported = { teachers: [], garbage: 0 };

/** What is observed of a job without STATE: readers that report nothing may need every frame. */
function absentState(names: JobNames, ranks: readonly number[]): StateValues {
  const readers = ranks.map((rank) => logitsReaderOf(names.stateKeys.student(rank), null));
  return { student: null, readers, reference: null, garbage: 0 };
}

async function readState(
  direct: DirectStreamAPI,
  names: JobNames,
  ranks: readonly number[],
  dated: Dated,
): Promise<StateValues> {
  const { bucketStreams, stateKeys, subjects } = names;
  const read = async <T extends object>(key: string, schema: z.ZodType<T>): Promise<ReadValue<T>> => {
    const message = await lastValue(direct, bucketStreams.state, subjects.state(key));
    if (message === null) return { kind: 'absent' };
    const value = parseJson(schema, message.data);
    return value === undefined ? { kind: 'garbage' } : { kind: 'value', value, message };
  };
  const [reference, students] = await Promise.all([
    read(stateKeys.reference, referenceSchema),
    Promise.all(ranks.map((rank) => read(stateKeys.student(rank), studentStateSchema))),
  ]);
  const states = students.map((found) => (found.kind === 'value' ? dated(found.value, found.message) : null));
  return {
    student: states[0] ?? null,
    readers: ranks.map((rank, at) => logitsReaderOf(stateKeys.student(rank), states[at] ?? null)),
    reference: reference.kind === 'value' ? reference.value : null,
    garbage: [reference, ...students].filter(({ kind }) => kind === 'garbage').length,
  };
}

/** Direct gets in flight for one job. */
const readsAtOnce = 32;

async function readTeachers(
  direct: DirectStreamAPI,
  names: JobNames,
  pods: readonly string[],
  dated: Dated,
): Promise<Reported> {
  const teachers: TeacherState[] = [];
  let garbage = 0;
  const turns = new Turns(readsAtOnce);
  const read = async (pod: string): Promise<void> => {
    const message = await lastValue(direct, names.bucketStreams.teachers, names.subjects.teacher(pod));
    if (message === null) return;
    const state = parseJson(teacherStateSchema, message.data);
    // A teacher may write only what is stored under its own name.
    if (state?.pod === pod) teachers.push(dated(state, message));
    else garbage += 1;
  };
  await Promise.all(pods.filter(fitsTeacherKey).map((pod) => turns.run(() => read(pod))));
  teachers.sort((a, b) => (a.pod < b.pod ? -1 : 1));
  return { teachers, garbage };
}

/** The value of a key; null when there is none or it was deleted. */
async function lastValue(direct: DirectStreamAPI, stream: string, subject: string): Promise<StoredMsg | null> {
  const message = await orNull(directGets(direct, stream).last(subject));
  return message === null || isDeletionMark(message) ? null : message;
}

/** Replaces the writer's time of a value by what the server knows of its age. */
type Dated = <T extends { readonly updatedAtMs: number }>(value: T, message: StoredMsg) => T;

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

/** The value when `data` is JSON that fits the schema, otherwise undefined. */
export function parseJson<T>(schema: z.ZodType<T>, data: Uint8Array): T | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data)));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
