/** A stored job that the rules of this version reject: its status, its end if it had ended, and its deletion. */
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
  fault: { found: '0', expected: 'a number above 0', remedy: 'raise it' },
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

describe('an invalid stored job', () => {
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
      'Reconciling False Stalled: Waiting does not help: Stalled says what somebody must do.',
      'Stalled True Invalid: spec.weight: found 0; raise it',
    ]);
    expect(status).toMatchObject({ phase: 'Pending', observedGeneration: 3, progress: running.progress });
  });

  test('reports the first problem and the number of further ones', () => {
    const many = { ...invalid(), problems: ['one', 'two', 'three'].map(problem) };
    expect(invalidStatus(many, noonMs).events.map(eventText)).toEqual(['! Refused: one (and 2 more)']);
  });

  test('reports a problem once, and again when the problem changes', () => {
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

describe('an invalid job that is deleted', () => {
  const present = clusterJob().snapshot.streams;
  const absent: StreamObservation = { state: 'Absent' };
  const unreachable: StreamObservation = { state: 'Unreachable', reason: 'the connection to NATS is lost' };
  const doomed = invalid(running, { deletionTimestamp: '2026-11-24T12:00:00Z' });
  const forced = invalid(running, { annotations: { [forceDeleteAnnotation]: 'true' } });
  const theirs = invalid(running, { finalizers: ['example.com/theirs'] });

  test.each<[string, InvalidJob, boolean, StreamObservation, string]>([
    ['waits for its workers', doomed, true, present, 'Keep, again in 1000 ms: Progressing False Deleting'],
    [
      'then removes its streams',
      doomed,
      false,
      present,
      'Keep, streams removed, again in 1000 ms: Progressing False Deleting',
    ],
    [
      'is released when there are no streams',
      doomed,
      false,
      absent,
      'RemoveFinalizer, again in 1000 ms: Progressing False Deleting',
    ],
    ['waits for NATS', doomed, false, unreachable, 'Keep, again in 3000 ms: Progressing False StreamsUnreachable'],
    [
      'with force-delete is released without removing them',
      forced,
      false,
      unreachable,
      'RemoveFinalizer, again in 3000 ms: Progressing False StreamsUnreachable',
    ],
    [
      'with force-delete still waits for its workers',
      forced,
      true,
      unreachable,
      'Keep, again in 3000 ms: Progressing False Deleting',
    ],
    [
      'is left alone when only other finalizers hold it',
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

  test('reports once that it waits, and that it is released without its streams', () => {
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
