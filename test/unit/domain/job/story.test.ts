/** Events over a sequence of snapshots, each fact once; and the figures of the status. */
import { describe, expect, test } from '@jest/globals';

import { ended, labeling, newJob, noonMs, runningJob, story, training } from '../../../kit/snapshots.js';

const provisioned = newJob().streams();
const done = training({ phase: 'Done', step: 200, result: { digest: 'sha256:ab', accuracy: 0.99, loss: null } });

describe('the events of a job', () => {
  test('of an undisturbed run', () => {
    const { events } = story(
      newJob(),
      provisioned,
      provisioned.pool('cpu', { pods: 'cpu-0 cpu-1', freeSlots: 0 }).student({ phase: 'Running', starts: 1 }),
      runningJob().reported(training({ phase: 'Starting', step: 0 })),
      runningJob(),
      runningJob()
        .streams({ work: { messages: 0, pending: 0, ackPending: 0 } })
        .reported(training({ step: 199, fedSteps: 200 })),
      runningJob().student({ phase: 'Succeeded' }).reported(done),
      runningJob().student({ phase: 'Succeeded' }).reported(done),
      newJob().student({ phase: 'Succeeded' }),
    );
    expect(events).toEqual([
      'Accepted: The job is valid; its streams are being created.',
      'StreamsCreated: Created the streams.',
      'TeachersScaled: Pool cpu: 0 → 2 teachers (to fill the window; 2 of 4: 2 free slots).',
      'StudentStarted: Student process 1 started at step 0.',
      'TeachersScaled: Pool cpu: 2 → 0 teachers (nothing is left to compute).',
      'Complete: All 200 steps trained.',
    ]);
  });

  test('report killed workers and those that came back', () => {
    const killed = runningJob().student({ phase: 'BackingOff', disruptions: 1 });
    const back = runningJob()
      .student({ starts: 2, disruptions: 1 })
      .reported(training({ attempt: 2, resumedFromStep: 20 }));
    const { events } = story(
      runningJob(),
      killed,
      back,
      back.pool('cpu', { pods: 'cpu-1 cpu-2', disruptions: 1 }),
      back.pool('cpu', { pods: 'cpu-3 cpu-4', disruptions: 3 }),
      back.pool('cpu', { pods: 'cpu-3 cpu-4', disruptions: 3 }),
    );
    expect(events.slice(3)).toEqual([
      'StudentLost: The student was disrupted; a new one continues from its checkpoint.',
      'StudentStarted: Student process 2 started at step 20.',
      'TeacherLost: Pool cpu lost 1 teacher; others label what they held.',
      'TeacherLost: Pool cpu lost 2 teachers; others label what they held.',
    ]);
  });

  test('report errors, and the one that ended the job', () => {
    const failing = (failures: number, phase: 'BackingOff' | 'Failed') =>
      runningJob()
        .job((job) => job.backoffLimit(1))
        .student({ phase, failures, lastError: ended(1, 'out of memory') });
    const { events } = story(
      runningJob(),
      runningJob().pool('cpu', { pods: 'cpu-0', freeSlots: 1, disruptions: 1, lastError: ended(1, 'no memory') }),
      failing(1, 'BackingOff'),
      failing(2, 'Failed'),
      failing(2, 'Failed'),
    );
    expect(events.slice(3)).toEqual([
      '! TeacherFailed: A teacher failed: no memory',
      '! StudentFailed: The student failed (1 of at most 1): out of memory',
      'TeachersScaled: Pool cpu: 2 → 0 teachers (the job is over).',
      '! StudentFailed: The student failed, once more than backoffLimit (1) allows: out of memory',
      '! Failed: The student failed 2 times, more than backoffLimit allows; the last error: out of memory',
    ]);
  });

  test('report a lost NATS server once', () => {
    const lost = runningJob().streamsUnreachable('the connection to NATS is lost');
    const { events } = story(runningJob(), lost, lost.at(noonMs + 1_000), runningJob(), lost);
    const sentence = '! BrokerUnreachable: NATS cannot be reached: the connection to NATS is lost';
    expect(events.slice(3)).toEqual([sentence, sentence]);
  });

  test('do not report NATS for a suspended job', () => {
    const paused = runningJob().job((job) => job.suspended());
    const { events } = story(runningJob(), paused, paused.streamsUnreachable('gone'));
    expect(events.join('\n')).not.toContain('BrokerUnreachable');
  });

  test('report streams that were created again', () => {
    const { events } = story(runningJob(), runningJob().streams({ missing: ['DISTILL_u-1_WORK', 'DISTILL_u-1_DEAD'] }));
    expect(events.at(-1)).toBe('StreamsCreated: Created DISTILL_u-1_WORK, DISTILL_u-1_DEAD.');
  });

  test('report suspension and resumption', () => {
    const paused = runningJob().job((job) => job.suspended());
    const { events } = story(runningJob(), paused, paused, runningJob());
    expect(events.slice(3)).toEqual([
      'TeachersScaled: Pool cpu: 2 → 0 teachers (the job is suspended).',
      'Suspended: The job was suspended; every slot was given back.',
      "TeachersScaled: Pool cpu: 0 → 2 teachers (to match the student's rate; 2 of 3: 2 free slots).",
      'Resumed: The job continues from its checkpoint.',
    ]);
  });

  test('do not report slots given back by a job that was created suspended', () => {
    const { events } = story(newJob().job((job) => job.suspended()));
    expect(events).toEqual(['Accepted: The job is valid; its streams are being created.']);
  });

  test('report why a job is refused, and when it is accepted', () => {
    const refused = newJob().job((job) => job.change(({ spec }) => (spec.dataset.delivery = 'Inline')));
    const { events } = story(refused, refused, provisioned);
    expect(events).toEqual([
      '! Refused: spec.dataset.delivery: "Inline" is not supported yet. Use Reference.',
      'Accepted: The job is valid; its streams are being created.',
      'TeachersScaled: Pool cpu: 0 → 2 teachers (to fill the window; 2 of 4: 2 free slots).',
    ]);
  });

  test('report each further work item that no teacher could do', () => {
    const item = (step: number) => ({
      shard: 0,
      step,
      teacher: 'cpu-1',
      deliveries: 5,
      error: 'NaN logits',
      item: null,
    });
    const { events, plans } = story(
      runningJob(),
      runningJob().dead(1, item(17)),
      runningJob().dead(1, item(17)),
      runningJob().dead(2, item(18)),
      runningJob(),
    );
    expect(events.slice(3)).toEqual([
      '! WorkItemDead: No teacher could label step 17; cpu-1 said: NaN logits',
      '! WorkItemDead: No teacher could label step 18; cpu-1 said: NaN logits',
    ]);
    const want = { count: 2, lastStep: 18, lastTeacher: 'cpu-1', lastError: 'NaN logits' };
    expect(plans.at(-1)?.status.deadItems).toEqual(want);
  });

  test('do not report a student of an earlier run as started', () => {
    const resumed = provisioned.reported(training({ attempt: 3, updatedAtMs: noonMs - 60_000 }));
    const { events } = story(
      resumed,
      resumed.reported(training({ attempt: 4, phase: 'Starting', resumedFromStep: 40 })),
    );
    expect(events.filter((event) => event.startsWith('StudentStarted'))).toEqual([
      'StudentStarted: Student process 4 started at step 40.',
    ]);
  });
});

describe('the status of a job', () => {
  test('has the figures of the student and the teachers', () => {
    const { status } = runningJob()
      .reported(
        training({
          step: 41,
          samplesPerSecond: 999.6,
          loss: 0.25,
          accuracy: 0.9,
          waitFraction: 0.012_345,
          metrics: { klDivergence: 0.02, agreement: 0.9 },
        }),
      )
      .teachers(labeling('cpu-0', { samplesPerSecond: 250.4 }), labeling('cpu-1', { samplesPerSecond: 250.4 }))
      .used({ teacherSlotSeconds: 12, studentSlotSeconds: 7 }).plan;
    expect(status).toMatchObject({
      progress: {
        step: 41,
        steps: 200,
        percent: 20,
        epoch: 0,
        samplesPerSecond: 1_000,
        secondsLeft: 16,
        loss: 0.25,
        accuracy: 0.9,
        metrics: [
          { name: 'agreement', value: 0.9 },
          { name: 'klDivergence', value: 0.02 },
        ],
      },
      buffer: { frames: 10, bytes: 40_960, waitFraction: 0.012 },
      teachers: {
        desired: 2,
        ready: 2,
        samplesPerSecond: 501,
        pools: [{ name: 'cpu', desired: 2, ready: 2, reason: 'MatchStudent' }],
      },
      usage: { teacherSlotSeconds: 12, studentSlotSeconds: 7 },
      disruptions: { teacher: 0, student: 0 },
      attempts: 1,
      failures: 0,
    });
    expect(status.result).toBeUndefined();
  });

  test('leaves out unknown figures, and does not divide by a rate of 0', () => {
    const { progress } = runningJob().reported(training({ samplesPerSecond: 0.3, loss: null })).plan.status;
    expect(progress).toEqual({ step: 40, steps: 200, percent: 20, epoch: 0, samplesPerSecond: 0 });
  });

  test('keeps the last figures when the streams are unreachable or gone', () => {
    const { plans } = story(
      runningJob(),
      runningJob().streamsUnreachable('gone'),
      runningJob().student({ phase: 'Succeeded' }).reported(done),
      newJob().student({ phase: 'Succeeded' }),
    );
    expect(plans[1]?.status).toMatchObject({ phase: 'Running', attempts: 1, progress: { step: 40 } });
    expect(plans[3]?.status).toMatchObject({
      phase: 'Succeeded',
      progress: { step: 200, percent: 100 },
      result: { digest: 'sha256:ab', accuracy: 0.99 },
    });
  });

  test.each([
    ['a suspended job', runningJob().job((job) => job.suspended())],
    ['a finished job', runningJob().student({ phase: 'Succeeded' }).reported(done)],
    ['a stalled job, for ten seconds', runningJob().reported(training({ updatedAtMs: noonMs - 65_000 }))],
  ])('of %s does not change only because time passes', (_what, snapshot) => {
    const { plans } = story(snapshot, snapshot.at(noonMs + 1_000), snapshot.at(noonMs + 4_000));
    expect(plans[1]?.status).toEqual(plans[0]?.status);
    expect(plans[2]?.status).toEqual(plans[0]?.status);
  });
});
