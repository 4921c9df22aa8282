/** A stored job that today's rules refuse: what is said of it, what had ended stays ended, and how it is let go. */
import { describe, expect, test } from '@jest/globals';

import {
  type DistillJobStatus,
  forceDeleteAnnotation,
  type ObjectMeta,
  streamsFinalizer,
} from '../../../../src/api/index.js';
import {
  finalizeInvalid,
  type InvalidJob,
  invalidStatus,
  type StreamObservation,
} from '../../../../src/domain/index.js';
import { clusterJob, conditionText, eventText, noonMs } from '../../../kit/snapshots.js';

const problem = (message: string): InvalidJob['problems'][number] => ({
  path: 'spec.weight',
  found: '0',
  rule: 'expected a number above 0',
  remedy: 'raise it',
  message,
});
const metadata: ObjectMeta = {
  name: 'mnist',
  namespace: 'default',
  uid: 'u-1',
  generation: 3,
  finalizers: [streamsFinalizer],
};
const running = clusterJob().plan.status;

function invalid(status?: DistillJobStatus, changes: Partial<ObjectMeta> = {}): InvalidJob {
  return { metadata: { ...metadata, ...changes }, status, problems: [problem('spec.weight: found 0; raise it')] };
}

describe('a stored job that cannot be read as one', () => {
  test('says what is wrong with it in every condition', () => {
    const { status } = invalidStatus(invalid(running), noonMs);
    expect(status.conditions?.map(({ type }) => conditionText(status, type))).toEqual([
      'Accepted False Invalid: spec.weight: found 0; raise it',
      'TeachersAvailable False Refused: The job cannot be run and holds no slot.',
      'StudentRunning False Waiting: Waiting for a job that can be run.',
      'Progressing False Refused: The job cannot be run; Accepted says why.',
      'Suspended False NotSuspended: spec.suspend is false.',
      'Complete False NotComplete: Steps are left to train.',
      'Failed False NotFailed: Nothing has ended the job.',
    ]);
    expect(status).toMatchObject({ phase: 'Pending', observedGeneration: 3, progress: running.progress });
  });

  test('is told of the first thing that is wrong, and how many more there are', () => {
    const many = { ...invalid(), problems: ['one', 'two', 'three'].map(problem) };
    expect(invalidStatus(many, noonMs).events.map(eventText)).toEqual(['! Refused: one (and 2 more)']);
  });

  test('is told of it once, and again when something else is wrong', () => {
    const first = invalidStatus(invalid(), noonMs);
    const second = invalidStatus(invalid(first.status), noonMs + 60_000);
    const third = invalidStatus({ ...invalid(second.status), problems: [problem('another')] }, noonMs + 120_000);
    expect([first, second, third].map(({ events }) => events.map(eventText))).toEqual([
      ['! Refused: spec.weight: found 0; raise it'],
      [],
      ['! Refused: another'],
    ]);
    expect(second.status).toEqual(first.status);
  });

  test.each<[string, DistillJobStatus, string, string]>([
    [
      'complete',
      clusterJob().student({ phase: 'Succeeded' }).plan.status,
      'Succeeded',
      'Complete True AllStepsTrained: All 200 steps trained; weights unknown.',
    ],
    [
      'failed',
      clusterJob().student({ phase: 'Failed', failures: 7 }).plan.status,
      'Failed',
      'Failed True BackoffLimitExceeded: The student failed 7 times, more than backoffLimit allows; the last error: no termination message',
    ],
  ])('stays %s if it was', (_what, over, phase, condition) => {
    const { status } = invalidStatus(invalid(over), noonMs + 60_000);
    expect(status.phase).toBe(phase);
    const type = condition.split(' ')[0]!;
    expect(conditionText(status, type)).toBe(condition);
    expect(status.conditions?.find((found) => found.type === type)?.lastTransitionTime).toBe('2026-11-24T12:00:00Z');
    expect(
      ['Accepted', 'TeachersAvailable', 'StudentRunning', 'Progressing'].map((name) => conditionText(status, name)),
    ).toEqual([
      'Accepted False Invalid: spec.weight: found 0; raise it',
      'TeachersAvailable False Finished: The job is over and holds no slot.',
      'StudentRunning False Finished: The student has ended.',
      'Progressing False Finished: The job is over.',
    ]);
  });
});

describe('such a job that is deleted', () => {
  const present = clusterJob().snapshot.streams;
  const absent: StreamObservation = { state: 'Absent' };
  const unreachable: StreamObservation = { state: 'Unreachable', reason: 'the connection to NATS is lost' };
  const doomed = invalid(running, { deletionTimestamp: '2026-11-24T12:00:00Z' });
  const forced = invalid(running, { annotations: { [forceDeleteAnnotation]: 'true' } });
  const theirs = invalid(running, { finalizers: ['example.com/theirs'] });

  test.each<[string, InvalidJob, boolean, StreamObservation, string]>([
    ['waits for its workers', doomed, true, present, 'Keep, again in 1000 ms: Progressing False Deleting'],
    [
      'loses its streams then',
      doomed,
      false,
      present,
      'Keep, streams removed, again in 1000 ms: Progressing False Deleting',
    ],
    [
      'is let go when there are none',
      doomed,
      false,
      absent,
      'RemoveFinalizer, again in 1000 ms: Progressing False Deleting',
    ],
    ['waits for NATS', doomed, false, unreachable, 'Keep, again in 3000 ms: Progressing False StreamsUnreachable'],
    [
      'is let go without them when it is forced',
      forced,
      false,
      unreachable,
      'RemoveFinalizer, again in 3000 ms: Progressing False StreamsUnreachable',
    ],
    [
      'is not before its workers are gone',
      forced,
      true,
      unreachable,
      'Keep, again in 3000 ms: Progressing False Deleting',
    ],
    [
      'is not touched when only others hold it',
      theirs,
      false,
      absent,
      'Keep, again in 1000 ms: Progressing False Deleting',
    ],
  ])('%s', (_what, job, remains, streams, want) => {
    const { object, removeStreams, againMs, status } = finalizeInvalid(job, remains, streams, noonMs);
    const said = conditionText(status, 'Progressing').split(':')[0]!;
    expect(`${object}${removeStreams ? ', streams removed' : ''}, again in ${String(againMs)} ms: ${said}`).toBe(want);
    expect(status.phase).toBe('Running');
  });

  test('is told once that it waits, and when it is let go without its streams', () => {
    const waiting = finalizeInvalid(doomed, false, unreachable, noonMs);
    const still = finalizeInvalid({ ...doomed, status: waiting.status }, false, unreachable, noonMs);
    const gone = finalizeInvalid({ ...forced, status: still.status }, false, unreachable, noonMs);
    expect([waiting, still, gone].map(({ events }) => events.map(({ reason }) => reason))).toEqual([
      ['StreamsUnreachable'],
      [],
      ['StreamsAbandoned'],
    ]);
  });
});
