/** Events on jobs: equal events are one object, repeated reasons are rate-limited, and no caller ever sees an error. */
import { createHash } from 'node:crypto';

import { beforeEach, describe, expect, test } from '@jest/globals';

import type { EventDraft } from '../../../../../src/api/index.js';
import type { JobKey } from '../../../../../src/controller/index.js';
import {
  ApiError,
  EventRecorder,
  type ResourceKind,
  type StoredObject,
} from '../../../../../src/cluster/kubernetes/index.js';
import { type ApiErrorReason, type WrittenObject } from '../../../../../src/cluster/kubernetes/api/index.js';
import { type EventOutcome } from '../../../../../src/cluster/kubernetes/act/index.js';
import { FakeClock } from '../../../../kit/clock.js';

const key: JobKey = { namespace: 'team', name: 'mnist', uid: '8d8a' };
const lost: EventDraft = { type: 'Normal', reason: 'StudentLost', message: 'The student was disrupted.' };
const scaled = (to: number): EventDraft => ({ type: 'Normal', reason: 'TeachersScaled', message: `0 → ${String(to)}` });

/** Events as the API server keeps them. */
class Events {
  readonly stored = new Map<string, WrittenObject>();
  requests = 0;
  /** What the next requests are refused with. */
  refusal: ApiErrorReason | null = null;

  create(object: WrittenObject): Promise<StoredObject> {
    const { name } = object.metadata;
    return this.#write(name, this.stored.has(name) ? 'alreadyExists' : object);
  }

  patch(_kind: ResourceKind, _namespace: string, name: string, fields: object): Promise<StoredObject> {
    const found = this.stored.get(name);
    return this.#write(name, found === undefined ? 'notFound' : { ...found, ...fields });
  }

  #write(name: string, written: WrittenObject | ApiErrorReason): Promise<StoredObject> {
    this.requests += 1;
    if (this.refusal !== null) return Promise.reject(error(this.refusal));
    if (typeof written === 'string') return Promise.reject(error(written));
    this.stored.set(name, written);
    return Promise.resolve(written as unknown as StoredObject);
  }

  get all(): WrittenObject[] {
    return [...this.stored.values()];
  }
}

function error(reason: ApiErrorReason): ApiError {
  return new ApiError(reason, { doing: 'event', fault: { about: 'event', problem: reason, remedy: '' } });
}

let clock: FakeClock;
let events: Events;
let outcomes: EventOutcome[];

function recorder(): EventRecorder {
  return new EventRecorder({
    client: events,
    clock,
    hash: (text) => createHash('sha256').update(text).digest('hex'),
    instance: 'operator_1',
    report: (outcome) => outcomes.push(outcome),
  });
}

const kindsOf = (): string[] => outcomes.map(({ kind }) => kind);

beforeEach(() => {
  clock = new FakeClock(Date.UTC(2026, 0, 2, 3, 4, 5, 678));
  events = new Events();
  outcomes = [];
});

describe('an event', () => {
  test('refers to the job, so that kubectl describe shows it', async () => {
    const recording = recorder();
    recording.record(key, [lost]);
    await recording.flush(1_000);
    expect(events.all).toEqual([
      {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { namespace: 'team', name: expect.stringMatching(/^mnist\.[0-9a-f]{16}$/) as unknown },
        involvedObject: {
          apiVersion: 'distillery.dev/v1alpha1',
          kind: 'DistillJob',
          namespace: 'team',
          name: 'mnist',
          uid: '8d8a',
        },
        ...lost,
        firstTimestamp: '2026-01-02T03:04:05Z',
        lastTimestamp: '2026-01-02T03:04:05Z',
        count: 1,
        source: { component: 'distillery-operator' },
        reportingComponent: 'distillery.dev/operator',
        reportingInstance: 'operator_1',
      },
    ]);
    expect(kindsOf()).toEqual(['created']);
  });

  test('that repeats is the same object with a higher count', async () => {
    const recording = recorder();
    recording.record(key, [lost]);
    await clock.advance(60_000);
    recording.record(key, [lost, lost]);
    await recording.flush(1_000);
    expect(events.all).toHaveLength(1);
    expect(events.all[0]).toMatchObject({
      count: 3,
      firstTimestamp: '2026-01-02T03:04:05Z',
      lastTimestamp: '2026-01-02T03:05:05Z',
    });
    expect(kindsOf()).toEqual(['created', 'counted', 'counted']);
  });

  test('keeps its count when another operator continues', async () => {
    const first = recorder();
    first.record(key, [lost, lost]);
    await first.flush(1_000);
    const second = recorder();
    second.record(key, [lost]);
    await second.flush(1_000);
    second.record(key, [lost]);
    await second.flush(1_000);
    expect(events.all).toHaveLength(1);
    expect(events.all[0]).toMatchObject({ count: 4 });
  });

  test('that the API server has deleted is created again', async () => {
    const recording = recorder();
    recording.record(key, [lost]);
    await recording.flush(1_000);
    events.stored.clear();
    recording.record(key, [lost]);
    await recording.flush(1_000);
    expect(events.all).toMatchObject([{ count: 1 }]);
    expect(kindsOf()).toEqual(['created', 'created']);
  });

  test.each<[string, JobKey, EventDraft]>([
    ['of another job', { ...key, uid: 'other' }, lost],
    ['of another type', key, { ...lost, type: 'Warning' }],
    ['with another reason', key, { ...lost, reason: 'TeacherLost' }],
    ['with another message', key, { ...lost, message: 'Other.' }],
  ])('%s is another object', async (_what, about, claim) => {
    const recording = recorder();
    recording.record(key, [lost]);
    recording.record(about, [claim]);
    await recording.flush(1_000);
    expect(events.all).toHaveLength(2);
  });

  test('has the time at which it was recorded, and follows earlier events', async () => {
    const recording = recorder();
    recording.record(key, [scaled(1)]);
    recording.record(key, [scaled(2), lost]);
    const flushed = recording.flush(60_000);
    await clock.advance(5_000);
    await flushed;
    expect(events.all.map(({ message }) => message)).toEqual(['0 → 1', '0 → 2', lost.message]);
    expect(events.all.every(({ lastTimestamp }) => lastTimestamp === '2026-01-02T03:04:05Z')).toBe(true);
  });
});

describe('the events of a job', () => {
  test('are ten of one reason at once, then one every five minutes; other reasons and jobs are not delayed', async () => {
    const recording = recorder();
    for (let to = 1; to <= 30; to++) recording.record(key, [scaled(to)]);
    recording.record(key, [lost]);
    recording.record({ ...key, uid: 'other' }, [scaled(1)]);
    await recording.flush(1_000);
    expect(kindsOf().filter((kind) => kind === 'created')).toHaveLength(12);
    expect(kindsOf().filter((kind) => kind === 'dropped')).toHaveLength(20);
    outcomes = [];
    await clock.advance(10 * 60_000);
    for (let to = 31; to <= 40; to++) recording.record(key, [scaled(to)]);
    await recording.flush(1_000);
    expect(kindsOf().filter((kind) => kind === 'created')).toHaveLength(2);
  });

  test('cost bounded memory and requests, however many jobs have events while the API server is slow', async () => {
    const recording = recorder();
    for (let job = 0; job < 50_000; job++) recording.record({ ...key, uid: String(job) }, [lost]);
    expect(outcomes.filter(({ kind }) => kind === 'dropped')).toHaveLength(50_000 - 1_024);
    await recording.flush(60_000);
    expect(events.requests).toBe(1_024);
    // The recorder works again.
    recording.record({ ...key, uid: 'late' }, [lost]);
    await recording.flush(1_000);
    expect(outcomes.at(-1)).toEqual({ kind: 'created' });
  });
});

describe('a failure', () => {
  test.each<ApiErrorReason>(['unreachable', 'forbidden', 'throttled', 'invalid', 'malformed'])(
    'such as %s is reported, and the next event is recorded',
    async (kind) => {
      const recording = recorder();
      events.refusal = kind;
      recording.record(key, [lost]);
      await recording.flush(1_000);
      events.refusal = null;
      recording.record(key, [lost]);
      await recording.flush(1_000);
      expect(outcomes).toEqual([{ kind: 'failed', error: error(kind) }, { kind: 'created' }]);
    },
  );

  test('to update a count loses no count', async () => {
    const recording = recorder();
    recording.record(key, [lost]);
    await recording.flush(1_000);
    events.refusal = 'unreachable';
    recording.record(key, [lost]);
    await recording.flush(1_000);
    events.refusal = null;
    recording.record(key, [lost]);
    await recording.flush(1_000);
    expect(events.all).toMatchObject([{ count: 2 }]);
  });

  test('does not delay the end for longer than the limit', async () => {
    events.create = () => new Promise(() => undefined);
    const recording = recorder();
    recording.record(key, [lost]);
    let isFlushed = false;
    void recording.flush(2_000).then(() => (isFlushed = true));
    await clock.advance(1_900);
    expect(isFlushed).toBe(false);
    await clock.advance(200);
    expect(isFlushed).toBe(true);
  });
});
