/**
 * A worker's values in the STATE bucket: telemetry, the reference answers, and the student's fencing number.
 *
 * Invariants:
 *  K1 The key `student` is only ever written by compare-and-set against the revision that was read.
 *  K2 Of two students the one with the higher attempt goes on; the other learns of it at its next write.
 */
import {
  type JobNames,
  type Reference,
  referenceSchema,
  type StudentState,
  studentStateSchema,
  type TeacherState,
} from '../../src/protocol/index.js';

import type { StreamLink } from './connect.js';
import { Fenced } from './errors.js';
import { refused } from './logits-writer.js';
import { refusalOf } from './store-errors.js';
import { untilStored } from './until-stored.js';

interface Value {
  /** 0 = the key was never written, or its bucket was created again. */
  readonly revision: number;
  /** null when there is no value, or it was deleted. */
  readonly data: unknown;
}

/** Key-value buckets are streams by a naming convention of all NATS clients. */
const keyOf = (names: JobNames, key: string): string => `$KV.${names.stateBucket}.${key}`;

async function read(link: StreamLink, names: JobNames, key: string): Promise<Value> {
  const doing = `read ${key}`;
  try {
    const message = await link.untilAnswered(doing, () =>
      link.direct.getMessage(`KV_${names.stateBucket}`, { last_by_subj: keyOf(names, key) }),
    );
    if (message === null) return { revision: 0, data: null };
    return { revision: message.seq, data: message.header.has('KV-Operation') ? null : parsed(message.data) };
  } catch (error) {
    throw refused(doing, error);
  }
}

function parsed(data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(data));
  } catch {
    return null;
  }
}

/** @returns the new revision, or null when the key was not at `revision` */
async function compareAndSet(
  link: StreamLink,
  names: JobNames,
  key: string,
  value: object,
  revision: number,
): Promise<number | null> {
  const doing = `write ${key}`;
  try {
    const { seq } = await untilStored(link, doing, () =>
      link.client.publish(keyOf(names, key), JSON.stringify(value), { expect: { lastSubjectSequence: revision } }),
    );
    return seq;
  } catch (error) {
    if (refusalOf(error) === 'moved') return null;
    throw refused(doing, error);
  }
}

/** Stores a teacher's telemetry; storing it twice is harmless. @throws StreamRefused, StreamUnreachable */
export async function publishTeacherState(link: StreamLink, names: JobNames, state: TeacherState): Promise<void> {
  const key = names.teacherKey(state.pod);
  const doing = `write ${key}`;
  try {
    await untilStored(link, doing, () =>
      link.client.publish(`$KV.${names.teacherBucket}.${key}`, JSON.stringify(state)),
    );
  } catch (error) {
    throw refused(doing, error);
  }
}

/** The job's reference answers; null when no teacher wrote them yet. */
export async function readReference(link: StreamLink, names: JobNames): Promise<Reference | null> {
  const { data } = await read(link, names, names.stateKeys.reference);
  return referenceSchema.safeParse(data).data ?? null;
}

/** Writes the reference answers unless there are some. @returns those that hold now */
export async function createReference(link: StreamLink, names: JobNames, own: Reference): Promise<Reference> {
  for (;;) {
    const { data, revision } = await read(link, names, names.stateKeys.reference);
    const there = referenceSchema.safeParse(data);
    if (there.success) return there.data;
    // Also replaces one that cannot be read.
    if ((await compareAndSet(link, names, names.stateKeys.reference, own, revision)) !== null) return own;
  }
}

/** The right to be the student, until a higher attempt claims it. */
export interface StudentClaim {
  readonly attempt: number;
  /** What the attempt before left; null for the first. */
  readonly previous: StudentState | null;
  /** @throws Fenced when another attempt has taken over; StreamRefused, StreamUnreachable */
  update(state: StudentState): Promise<void>;
}

/**
 * Takes the next attempt number.
 * @param atLeast also above this one: the attempt of the newest checkpoint, for a bucket that was lost
 * @param firstState what to write, given the number
 */
export async function claimAttempt(
  link: StreamLink,
  names: JobNames,
  atLeast: number,
  firstState: (attempt: number) => StudentState,
): Promise<StudentClaim> {
  const key = names.stateKeys.student;
  for (;;) {
    const { data, revision } = await read(link, names, key);
    const previous = studentStateSchema.safeParse(data).data ?? null;
    const attempt = Math.max(atLeast, attemptOf(data) ?? 0) + 1;
    const state = firstState(attempt);
    const claimed = await compareAndSet(link, names, key, state, revision);
    if (claimed !== null) return new Claim(link, names, { attempt, previous, revision: claimed, pod: state.pod });
  }
}

class Claim implements StudentClaim {
  readonly attempt: number;
  readonly previous: StudentState | null;
  readonly #link: StreamLink;
  readonly #names: JobNames;
  readonly #pod: string;
  #revision: number;

  constructor(
    link: StreamLink,
    names: JobNames,
    claim: {
      readonly attempt: number;
      readonly previous: StudentState | null;
      readonly revision: number;
      readonly pod: string;
    },
  ) {
    this.#link = link;
    this.#names = names;
    this.attempt = claim.attempt;
    this.previous = claim.previous;
    this.#revision = claim.revision;
    this.#pod = claim.pod;
  }

  async update(state: StudentState): Promise<void> {
    const key = this.#names.stateKeys.student;
    for (;;) {
      const written = await compareAndSet(this.#link, this.#names, key, state, this.#revision);
      if (written !== null) {
        this.#revision = written;
        return;
      }
      // Ours, when only the confirmation was lost; nobody's, when the bucket was created again; or another student's.
      const { data, revision } = await read(this.#link, this.#names, key);
      const found = attemptOf(data) ?? 0;
      const other = found === this.attempt && podOf(data) !== this.#pod;
      if (found > this.attempt || other) throw new Fenced(this.attempt, found);
      this.#revision = revision;
    }
  }
}

/** The attempt of a value, even of one whose other fields another version wrote. */
function attemptOf(data: unknown): number | null {
  return studentStateSchema.pick({ attempt: true }).safeParse(data).data?.attempt ?? null;
}

function podOf(data: unknown): string | null {
  return studentStateSchema.pick({ pod: true }).safeParse(data).data?.pod ?? null;
}
