/**
 * A worker's values in the STATE bucket: telemetry, the reference answers, and the student's fencing number.
 *
 * Invariants:
 *  state/K1 The key `student` is only ever written by compare-and-set against the revision that was read.
 *  state/K2 Of two students the one with the higher attempt continues; the next write of the other fails as fenced.
 *  state/K3 Every write of the key `student` takes the same room (up to the next block), whatever it says: a bucket
 *     that others filled takes an update in place only when it is no larger than the value before.
 *  state/K4 A bucket without room never breaks the fence: the fence is then read, and the value is left out.
 */
import { parsedJson } from '@distillery/base';
import { isDeletionMark } from '@distillery/nats';
import {
  firstRank,
  type JobNames,
  missingFeatures,
  missingFeaturesText,
  type Reference,
  referenceSchema,
  type StudentState,
  studentStateSchema,
  type TeacherState,
} from '@distillery/protocol';

import type { StreamLink } from './connect.js';
import { Fenced, ReferenceRefused, refused } from './errors.js';
import { isWithoutRoom, refusalOf } from './store-errors.js';

interface Value {
  /** 0 = the key was never written, or its bucket was created again. */
  readonly revision: number;
  /** null when there is no value, or it was deleted. */
  readonly data: unknown;
  /** As it is stored. */
  readonly text: string;
}

async function read(link: StreamLink, names: JobNames, key: string): Promise<Value> {
  const doing = `read ${key}`;
  try {
    const message = await link.untilAnswered(doing, () =>
      link.gets(names.bucketStreams.state).last(names.subjects.state(key)),
    );
    if (message === null) return { revision: 0, data: null, text: '' };
    const text = message.string();
    return { revision: message.seq, data: isDeletionMark(message) ? null : (parsedJson(text) ?? null), text };
  } catch (error) {
    throw refused(doing, error);
  }
}

type Set = { readonly kind: 'set'; readonly revision: number } | { readonly kind: 'moved' } | { readonly kind: 'full' };

/** `moved`: the key was not at `revision`; `full`: the bucket, the account or the server has no room. */
async function compareAndSet(
  link: StreamLink,
  names: JobNames,
  key: string,
  value: string,
  revision: number,
): Promise<Set> {
  const doing = `write ${key}`;
  try {
    const { seq } = await link.untilAnswered(
      doing,
      () => link.client.publish(names.subjects.state(key), value, { expect: { lastSubjectSequence: revision } }),
      { whenNoRoom: 'throw' },
    );
    return { kind: 'set', revision: seq };
  } catch (error) {
    if (refusalOf(error) === 'moved') return { kind: 'moved' };
    if (isWithoutRoom(error)) return { kind: 'full' };
    throw refused(doing, error);
  }
}

const studentBlockBytes = 2_048;

/** state/K3. The revision is a header of the message and counts as well, by its digits. */
function studentValue(state: StudentState, revision: number): string {
  const text = JSON.stringify(state);
  const bytes = Buffer.byteLength(text) + String(revision).length;
  const padding = Math.ceil(bytes / studentBlockBytes) * studentBlockBytes - bytes;
  return text + ' '.repeat(padding);
}

/**
 * Stores a teacher's telemetry; a later value replaces it, and so does a repeat.
 * @returns full when the bucket, the account or the server has no room: a teacher works without telemetry
 * @throws StreamRefused, StreamUnreachable
 */
export async function publishTeacherState(
  link: StreamLink,
  names: JobNames,
  state: TeacherState,
): Promise<'stored' | 'full'> {
  const key = names.teacherKey(state.pod);
  const doing = `write ${key}`;
  try {
    await link.untilAnswered(
      doing,
      () => link.client.publish(names.subjects.teacher(state.pod), JSON.stringify(state)),
      { whenNoRoom: 'throw' },
    );
    return 'stored';
  } catch (error) {
    if (!isWithoutRoom(error)) throw refused(doing, error);
    return 'full';
  }
}

/** The job's reference answers; null when no teacher wrote them yet. @throws ReferenceRefused */
export async function readReference(link: StreamLink, names: JobNames): Promise<Reference | null> {
  const { data } = await read(link, names, names.stateKeys.reference);
  requireFeatures(data);
  return referenceSchema.safeParse(data).data ?? null;
}

/**
 * Writes the reference answers unless there are some. Waits while there is no room.
 * @returns those that hold now
 * @throws ReferenceRefused, StreamRefused, StreamUnreachable
 */
export async function createReference(link: StreamLink, names: JobNames, own: Reference): Promise<Reference> {
  const key = names.stateKeys.reference;
  for (let tries = 1; ; tries++) {
    const { data, revision } = await read(link, names, key);
    requireFeatures(data);
    const there = referenceSchema.safeParse(data);
    if (there.success) return there.data;
    // Also replaces one that cannot be read.
    const { kind } = await compareAndSet(link, names, key, JSON.stringify(own), revision);
    if (kind === 'set') return own;
    if (kind === 'full') await waitForRoom(link, key, tries);
    else await link.clock.sleep(movedDelayMs);
  }
}

/** A newer teacher's reference is never taken for garbage, which is replaced. @throws ReferenceRefused */
function requireFeatures(reference: unknown): void {
  const missing = missingFeatures(reference);
  if (missing.length > 0) throw new ReferenceRefused(missingFeaturesText(missing));
}

/** A replica that answers a read may lag behind the one that refused the write. */
const movedDelayMs = 20;
const roomDelayMs = 500;
/** Tries between two log lines about the same full bucket. */
const triesPerLog = 20;

/** @param tries so far, from 1 */
async function waitForRoom(link: StreamLink, key: string, tries: number): Promise<void> {
  if (tries % triesPerLog === 1) {
    link.log.warn(`write ${key}: the job's state bucket, the account or the NATS server has no room; waiting for some`);
  }
  await link.clock.sleep(roomDelayMs);
}

/** The number of the newest attempt that claimed to be the student; 0 = none did. @throws StreamRefused, StreamUnreachable */
export async function attemptsBefore(link: StreamLink, names: JobNames): Promise<number> {
  const { data } = await read(link, names, names.stateKeys.student(firstRank));
  return attemptOf(data) ?? 0;
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
 * Takes the next attempt number. Waits while there is no room.
 * @param atLeast also above this one: the highest attempt of any checkpoint, for a bucket that was lost
 * @param firstState what to write, given the number and what the attempt before left
 * @throws StreamRefused, StreamUnreachable
 */
export async function claimAttempt(
  link: StreamLink,
  names: JobNames,
  atLeast: number,
  firstState: (attempt: number, previous: StudentState | null) => StudentState,
): Promise<StudentClaim> {
  const key = names.stateKeys.student(firstRank);
  for (let tries = 1; ; tries++) {
    const before = await read(link, names, key);
    const previous = studentStateSchema.safeParse(before.data).data ?? null;
    const attempt = Math.max(atLeast, attemptOf(before.data) ?? 0) + 1;
    const state = firstState(attempt, previous);
    const value = studentValue(state, before.revision);
    const claimed = await compareAndSet(link, names, key, value, before.revision);
    switch (claimed.kind) {
      case 'set':
        return new Claim(link, names, { attempt, previous, revision: claimed.revision, pod: state.pod });
      case 'full':
        await waitForRoom(link, key, tries);
        break;
      case 'moved': {
        await link.clock.sleep(movedDelayMs);
        // This very claim, stored when its confirmation was lost: its text names this process and the moment.
        const { text, revision } = await read(link, names, key);
        if (text === value) return new Claim(link, names, { attempt, previous, revision, pod: state.pod });
      }
    }
  }
}

class Claim implements StudentClaim {
  readonly attempt: number;
  readonly previous: StudentState | null;
  readonly #link: StreamLink;
  readonly #names: JobNames;
  readonly #pod: string;
  #revision: number;
  #isFull = false;

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
    const key = this.#names.stateKeys.student(firstRank);
    for (;;) {
      const value = studentValue(state, this.#revision);
      const written = await compareAndSet(this.#link, this.#names, key, value, this.#revision);
      if (written.kind === 'set') {
        this.#revision = written.revision;
        this.#isFull = false;
        return;
      }
      // Ours, when only the confirmation was lost; empty, when the bucket was created again; or another student's.
      const { data, text, revision } = await read(this.#link, this.#names, key);
      const found = attemptOf(data) ?? 0;
      const other = found === this.attempt && podOf(data) !== this.#pod;
      if (found > this.attempt || other) throw new Fenced(this.attempt, found);
      this.#revision = revision;
      if (text === value) return;
      if (written.kind === 'full') {
        // state/K4. A newer attempt could not claim without room either, or it is in what was just read.
        if (!this.#isFull)
          this.#link.log.warn(`write ${key}: no room in the job's state bucket; telemetry is left out`);
        this.#isFull = true;
        return;
      }
      await this.#link.clock.sleep(movedDelayMs);
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
