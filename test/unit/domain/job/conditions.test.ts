/** Phase and conditions of a job, word for word, for everything that can be observed. */
import { describe, expect, test } from '@jest/globals';

import { conditionTypes } from '../../../../src/api/index.js';
import { decide, defaultPolicy } from '../../../../src/domain/job/index.js';
import {
  conditionText,
  ended,
  labeling,
  newJob,
  noonMs,
  runningJob,
  type SnapshotMaker,
  story,
  training,
} from '../../../kit/snapshots.js';

const complete = runningJob()
  .student({ phase: 'Succeeded' })
  .reported(training({ phase: 'Done', step: 200, result: { digest: 'sha256:ab', accuracy: 0.99, loss: 0.03 } }));
const notBuilt = newJob().job((job) => job.change(({ spec }) => (spec.dataset.delivery = 'Inline')));

describe('the phase of a job', () => {
  test.each<[string, SnapshotMaker, string]>([
    ['that is new is Pending', newJob(), 'Pending'],
    ['whose student never reported is Pending', newJob().streams().student({ phase: 'Running' }), 'Pending'],
    ['that trains is Running', runningJob(), 'Running'],
    ['that is suspended is Suspended', runningJob().job((job) => job.suspended()), 'Suspended'],
    ['that this version cannot run is Pending', notBuilt, 'Pending'],
    ['whose student succeeded is Succeeded', complete, 'Succeeded'],
    ['whose student failed for good is Failed', runningJob().student({ phase: 'Failed' }), 'Failed'],
    [
      'whose streams are unreachable stays Running',
      runningJob().status({ attempts: 1 }).streamsUnreachable('gone'),
      'Running',
    ],
  ])('%s', (_what, snapshot, want) => {
    expect(snapshot.plan.status.phase).toBe(want);
  });
});

describe('Accepted', () => {
  test.each<[string, SnapshotMaker, string]>([
    ['is True for a job that can be run', newJob(), 'Accepted True Valid: The job is valid and can be run.'],
    [
      'is False for a job that this version does not support',
      notBuilt,
      'Accepted False NotSupported: spec.dataset.delivery: "Inline" is not supported yet. Use Reference.',
    ],
    [
      'depends on the engine',
      newJob()
        .in('cluster')
        .job((job) => job.change(({ spec }) => (spec.student.output.store = 'file'))),
      `Accepted False NotSupported: spec.student.output.store: found "file", but a pod's own disk ends with the pod. Use nats, pvc:// or s3://.`,
    ],
  ])('%s', (_what, snapshot, want) => {
    expect(conditionText(snapshot.plan.status, 'Accepted')).toBe(want);
  });
});

describe('TeachersAvailable', () => {
  const waiting = runningJob().pool('cpu', { freeSlots: 0 });
  test.each<[string, SnapshotMaker, string]>([
    [
      'counts teachers that label',
      runningJob(),
      'TeachersAvailable True TeachersReady: 2 of 2 teachers ready (2 of 3: 2 free slots).',
    ],
    [
      'does not count a teacher that still loads',
      runningJob().teachers(labeling('cpu-0'), labeling('cpu-1', { phase: 'Loading' })),
      'TeachersAvailable True TeachersReady: 1 of 2 teachers ready (2 of 3: 2 free slots).',
    ],
    [
      'ignores the telemetry of a dead process with the same name',
      runningJob().teachers(labeling('cpu-0', { updatedAtMs: noonMs - 6_000 }), labeling('cpu-9')),
      'TeachersAvailable False TeachersStarting: 0 of 2 teachers ready; the others load their model (2 of 3: 2 free slots).',
    ],
    [
      'says that no slot is free',
      waiting,
      'TeachersAvailable False NoFreeSlots: No slot is free that a teacher may use; waiting for one (0 of 3: 0 free slots).',
    ],
    [
      'shows the last error when no teacher is ready',
      waiting.pool('cpu', { lastError: ended(1, 'no memory') }),
      'TeachersAvailable False TeachersFailing: No teacher is ready; last error: no memory',
    ],
    [
      'ignores an error while another teacher labels',
      runningJob().pool('cpu', { pods: 'cpu-0 cpu-1', lastError: ended(1, 'no memory') }),
      'TeachersAvailable True TeachersReady: 2 of 2 teachers ready (2 of 3: 2 free slots).',
    ],
    [
      'says that no teacher is needed',
      runningJob().job((job) => job.softWeight(0)),
      'TeachersAvailable False NoTeacherNeeded: softWeight is 0: the labels alone are trained.',
    ],
    [
      'says that nothing is left to compute',
      runningJob()
        .streams({ work: { messages: 0, pending: 0, ackPending: 0 } })
        .reported(training({ fedSteps: 200 })),
      'TeachersAvailable False NothingLeftToCompute: All logits are computed; every slot was given back.',
    ],
    [
      'is Unknown without telemetry from the student',
      runningJob().reported(training({ updatedAtMs: noonMs - 5_001 })),
      'TeachersAvailable Unknown TelemetryGap: No telemetry from the job; the number of teachers is held.',
    ],
    [
      'is Unknown when NATS is unreachable',
      runningJob().streamsUnreachable('gone'),
      'TeachersAvailable Unknown TelemetryGap: No telemetry from the job; the number of teachers is held.',
    ],
    [
      'reports a suspension',
      runningJob().job((job) => job.suspended()),
      'TeachersAvailable False Suspended: The job is suspended and holds no slot.',
    ],
    ['reports the end', complete, 'TeachersAvailable False Finished: The job is over and holds no slot.'],
  ])('%s', (_what, snapshot, want) => {
    expect(conditionText(snapshot.plan.status, 'TeachersAvailable')).toBe(want);
  });
});

describe('ScaledByOthers', () => {
  const hpa = { kind: 'HorizontalPodAutoscaler', name: 'web', deployment: 'mnist-teacher-cpu' } as const;
  const scaled = { kind: 'ScaledObject', name: 'lag', deployment: 'mnist-teacher-cpu' } as const;
  const sentence =
    'HorizontalPodAutoscaler web sets the replicas of Deployment mnist-teacher-cpu, and so does the operator, again and again. ' +
    'Delete it: minReplicas and maxReplicas of the pool bound the teachers.';

  test('names the autoscaler, what it does and what to do, also in kubectl get', () => {
    const { status } = runningJob().autoscalers(hpa).plan;
    expect(conditionText(status, 'ScaledByOthers')).toBe(`ScaledByOthers True HorizontalPodAutoscaler: ${sentence}`);
    expect(status.summary).toMatchObject({ reason: 'HorizontalPodAutoscaler', message: sentence });
  });

  test('counts the others', () => {
    const { status } = runningJob().autoscalers(scaled, hpa, hpa).plan;
    expect(conditionText(status, 'ScaledByOthers')).toBe(
      'ScaledByOthers True ScaledObject: ScaledObject lag sets the replicas of Deployment mnist-teacher-cpu, and so does the ' +
        'operator, again and again. Delete it and 2 others: minReplicas and maxReplicas of the pool bound the teachers.',
    );
  });

  test('is one Event when it begins, and is gone with the autoscaler', () => {
    const { plans, events } = story(
      runningJob(),
      runningJob().autoscalers(hpa),
      runningJob().autoscalers(hpa),
      runningJob(),
    );
    expect(events.filter((line) => line.includes('ScaledByOthers'))).toEqual([`! ScaledByOthers: ${sentence}`]);
    expect(conditionText(plans[3]!.status, 'ScaledByOthers')).toBe('ScaledByOthers absent');
  });
});

describe('StudentRunning', () => {
  test.each<[string, SnapshotMaker, string]>([
    ['waits for the streams', newJob(), 'StudentRunning False Waiting: Waiting for the streams.'],
    [
      'starts',
      newJob().streams().student({ phase: 'Running' }),
      'StudentRunning False StudentStarting: The student loads its model and checkpoint.',
    ],
    [
      'trains',
      runningJob().reported(training({ attempt: 3 })),
      'StudentRunning True Training: Student process 3 is training.',
    ],
    [
      'reports that its checkpoints cannot be stored',
      runningJob().reported(training({ attempt: 3, checkpointFault: 'checkpoint store x: no room. Free some.' })),
      'StudentRunning True CheckpointNotStored: Student process 3 is training, and its newest checkpoint cannot be stored: checkpoint store x: no room. Free some.',
    ],
    [
      'is measured',
      runningJob().reported(training({ phase: 'Evaluating' })),
      'StudentRunning True Evaluating: The student is measured on the evaluation split.',
    ],
    [
      'is stored',
      runningJob().reported(training({ phase: 'Exporting' })),
      'StudentRunning True Exporting: The trained student is being stored.',
    ],
    [
      'is started again after an error',
      runningJob().student({ phase: 'BackingOff', failures: 2, lastError: ended(1, 'out of memory') }),
      'StudentRunning False BackingOff: The student failed (2 of at most 6) and is started again: out of memory',
    ],
    [
      'is started again after a kill, which is not an error',
      runningJob().student({ phase: 'BackingOff', disruptions: 1 }),
      'StudentRunning False StudentStarting: The student loads its model and checkpoint.',
    ],
    [
      'is Unknown without fresh telemetry',
      runningJob().reported(training({ updatedAtMs: noonMs - 5_001 })),
      'StudentRunning Unknown TelemetryGap: No telemetry from the student for more than 5 s.',
    ],
    [
      'is suspended',
      runningJob().job((job) => job.suspended()),
      'StudentRunning False Suspended: The job is suspended; its checkpoint is kept.',
    ],
    ['does not run for a refused job', notBuilt, 'StudentRunning False Waiting: Waiting for a job that can be run.'],
    ['has ended', complete, 'StudentRunning False Finished: The student has ended.'],
  ])('%s', (_what, snapshot, want) => {
    expect(conditionText(snapshot.plan.status, 'StudentRunning')).toBe(want);
  });
});

describe('Progressing', () => {
  test.each<[string, SnapshotMaker, string]>([
    ['starts', newJob(), 'Progressing True Starting: No step was trained yet; the parts are starting.'],
    ['counts steps', runningJob(), 'Progressing True StepsTrained: 40 of 200 steps trained.'],
    [
      'reports a student that waits for logits',
      runningJob().reported(training({ waitFraction: 0.43 })),
      'Progressing True WaitingForLogits: The student waits for logits 40 % of its time; more teachers would help.',
    ],
    [
      'reports a student that waits all the time and so measures no rate',
      runningJob().reported(training({ waitFraction: 0, samplesPerSecond: 0, buffer: { frames: 0, bytes: 0 } })),
      'Progressing True WaitingForLogits: The student waits for logits 100 % of its time; more teachers would help.',
    ],
    [
      'does not report waiting during an evaluation',
      runningJob().reported(training({ phase: 'Evaluating', waitFraction: 0.9, samplesPerSecond: 0 })),
      'Progressing True StepsTrained: 40 of 200 steps trained.',
    ],
    [
      'does not report waiting when labels alone are trained',
      runningJob()
        .job((job) => job.softWeight(0))
        .reported(training({ waitFraction: 0.9 })),
      'Progressing True StepsTrained: 40 of 200 steps trained.',
    ],
    [
      'is stalled after a minute without a step, counted in tens of seconds',
      runningJob().reported(training({ updatedAtMs: noonMs - 68_000 })),
      'Progressing False Stalled: No step was trained for 60 seconds.',
    ],
    [
      'says why NATS cannot be reached',
      runningJob().streamsUnreachable('the connection to NATS is lost'),
      'Progressing False BrokerUnreachable: NATS cannot be reached: the connection to NATS is lost',
    ],
    [
      'says how to resume a suspended job',
      runningJob().job((job) => job.suspended()),
      'Progressing False Suspended: The job is suspended; set spec.suspend to false to continue.',
    ],
    ['ends', complete, 'Progressing False Finished: The job is over.'],
  ])('%s', (_what, snapshot, want) => {
    expect(conditionText(snapshot.plan.status, 'Progressing')).toBe(want);
  });

  test('is stalled only after the time that the policy says', () => {
    const { snapshot } = runningJob().reported(training({ updatedAtMs: noonMs - 68_000 }));
    const patient = decide({ ...snapshot, policy: { ...defaultPolicy, stallMs: 600_000 } });
    expect(conditionText(patient.status, 'Progressing')).toBe(
      'Progressing True StepsTrained: 40 of 200 steps trained.',
    );
  });
});

describe('the end', () => {
  test.each<[string, SnapshotMaker, string]>([
    [
      'is Complete with the weights',
      complete,
      'Complete True AllStepsTrained: All 200 steps trained; weights sha256:ab.',
    ],
    [
      'says that training ended early, and by which score',
      complete.reported(
        training({
          phase: 'Done',
          step: 96,
          steps: 96,
          result: {
            digest: 'sha256:ab',
            accuracy: 0.9,
            loss: 0.3,
            stoppedEarly: { metric: 'accuracy', plannedSteps: 200, bestStep: 64 },
          },
        }),
      ),
      'Complete True StoppedEarly: Training ended early, after 96 of 200 steps: accuracy has not improved since step 64; weights sha256:ab.',
    ],
    [
      'is Complete although the job was suspended meanwhile',
      complete.job((job) => job.suspended()),
      'Complete True AllStepsTrained: All 200 steps trained; weights sha256:ab.',
    ],
    [
      'takes steps and digest from the status when the streams are gone',
      complete
        .status({
          progress: { step: 200, steps: 200, percent: 100, epoch: 1 },
          result: { digest: 'sha256:ab' },
        })
        .streamsAbsent(),
      'Complete True AllStepsTrained: All 200 steps trained; weights sha256:ab.',
    ],
    [
      'is not reported before the result can be fetched',
      complete.streamsUnreachable('gone'),
      'Complete False NotComplete: Steps are left to train.',
    ],
    [
      'is Failed after too many errors',
      runningJob().student({ phase: 'Failed', failures: 7, lastError: ended(1, 'out of memory') }),
      'Failed True BackoffLimitExceeded: The student failed 7 times, more than backoffLimit allows; the last error: out of memory',
    ],
    [
      'is Failed at once with exit code 65',
      runningJob().student({ phase: 'Failed', failures: 1, lastError: ended(65, 'NaN logits') }),
      'Failed True StudentError: The student cannot continue, and trying again would not help: NaN logits',
    ],
    [
      'is Failed when a teacher cannot start and none ever has',
      newJob()
        .pool('cpu', { lastError: ended(65, 'no such model') })
        .streams(),
      'Failed True TeacherError: No teacher can start, and trying again would not help: no such model',
    ],
    [
      'is not caused by one bad teacher after another has worked',
      runningJob().pool('cpu', { pods: 'cpu-0', lastError: ended(65, 'bad device') }),
      'Failed False NotFailed: Nothing has ended the job.',
    ],
    [
      'is not caused by a bad teacher after one has answered the self-test',
      newJob()
        .pool('cpu', { lastError: ended(65, 'bad device') })
        .streams({ reference: { teacherDigest: '0123456789abcdef', columns: 1, indices: [0], logits: [[1]] } }),
      'Failed False NotFailed: Nothing has ended the job.',
    ],
    [
      'is Failed after several teachers in a row cannot start, even if one worked before',
      runningJob().pool('cpu', { lastError: ended(65, 'found another model'), failuresInARow: 5 }),
      'Failed True TeacherError: No teacher can start, and trying again would not help: found another model',
    ],
    [
      'is not caused by several bad teachers in a row while another works',
      runningJob().pool('cpu', { pods: 'cpu-0', lastError: ended(65, 'bad device'), failuresInARow: 9 }),
      'Failed False NotFailed: Nothing has ended the job.',
    ],
    [
      'is not caused by a teacher that may start later',
      newJob()
        .pool('cpu', { lastError: ended(1, 'no memory') })
        .streams(),
      'Failed False NotFailed: Nothing has ended the job.',
    ],
  ])('%s', (_what, snapshot, want) => {
    const { status } = snapshot.plan;
    expect(conditionText(status, want.split(' ')[0]!)).toBe(want);
  });

  test('stays when later observations differ', () => {
    const over = complete.plan;
    const later = runningJob()
      .at(noonMs + 60_000)
      .status(over.status)
      .student({ phase: 'Failed', lastError: ended(65, 'late') })
      .job((job) => job.change(({ spec }) => (spec.dataset.delivery = 'Inline'))).plan;
    expect(later).toMatchObject({ student: 'Stop', againMs: null, events: [], pools: [{ replicas: 0 }] });
    expect(later.status).toMatchObject({ phase: 'Succeeded', conditions: over.status.conditions });
  });

  test('needs no requeue, unlike a job that runs, waits or is suspended', () => {
    const over = (snapshot: SnapshotMaker): boolean => snapshot.plan.againMs === null;
    expect(
      [complete, runningJob().student({ phase: 'Failed' }), notBuilt.pool('cpu').student({ phase: 'Absent' })].map(
        over,
      ),
    ).toEqual([true, true, true]);
    const suspended = runningJob().job((job) => job.suspended());
    expect([runningJob(), newJob(), suspended].map(over)).toEqual([false, false, false]);
  });

  test('of a refused job comes when none of its processes is left', () => {
    const refused = runningJob().job((job) => job.change(({ spec }) => (spec.dataset.delivery = 'Inline')));
    expect(refused.plan).toMatchObject({
      workers: 'Remove',
      againMs: 1_000,
      student: 'Stop',
      pools: [{ replicas: 0 }],
    });
    expect(refused.pool('cpu').student({ phase: 'Absent' }).plan).toMatchObject({ workers: 'Remove', againMs: null });
  });
});

describe('conditions', () => {
  test('are always complete and in the order of the API; ScaledByOthers and Queued are there only where they have a cause', () => {
    const usual = conditionTypes.filter((type) => type !== 'ScaledByOthers' && type !== 'Queued');
    for (const snapshot of [newJob(), runningJob(), complete, notBuilt]) {
      expect(snapshot.plan.status.conditions?.map(({ type }) => type)).toEqual(usual);
    }
    const contested = runningJob().autoscalers({ kind: 'ScaledObject', name: 'a', deployment: 'mnist-teacher-cpu' });
    const others = conditionTypes.filter((type) => type !== 'Queued');
    expect(contested.plan.status.conditions?.map(({ type }) => type)).toEqual(others);
  });

  test('keep their transition time while their status stays, even if the message changes', () => {
    const first = runningJob().job((job) => job.generation(4)).plan.status;
    const later = runningJob()
      .at(noonMs + 3_000)
      .status(first)
      .reported(training({ step: 50 }))
      .job((job) => job.generation(5))
      .teachers().plan.status;
    const times = later.conditions?.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]);
    expect(Object.fromEntries(times ?? [])).toMatchObject({
      Progressing: '2026-11-24T12:00:00Z',
      TeachersAvailable: '2026-11-24T12:00:03Z',
    });
    expect(later.conditions?.every(({ observedGeneration }) => observedGeneration === 5)).toBe(true);
    expect(later.observedGeneration).toBe(5);
  });
});
