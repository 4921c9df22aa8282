/** Reconciling and Stalled, word for word: what Flux, helm and other readers of kstatus see of a job. */
import { describe, expect, test } from '@jest/globals';

import { conditions } from '../../../../src/api/index.js';
import { conditionsFrom } from '../../../../src/domain/job/status/conditions.js';
import { blockedStatus, invalidStatus } from '../../../../src/domain/job/index.js';
import { standardJobs } from '../../../kit/job-stages.js';
import { conditionText, newJob, noonMs, runningJob } from '../../../kit/snapshots.js';

const notReconciling = 'Reconciling False AsRequested: The job is in the state that its spec asks for.';
const notStalled = 'Stalled False NotStalled: Nothing needs a person.';
const stalledElsewhere = 'Reconciling False Stalled: Waiting does not help: Stalled says what somebody must do.';

describe('a job', () => {
  test.each(standardJobs)('$name is $kstatus', ({ snapshot, kstatus, says }) => {
    const { status } = snapshot.plan;
    const [reconciling, stalled] = ['Reconciling', 'Stalled'].map((type) => conditionText(status, type));
    if (kstatus === 'Current') expect([reconciling, stalled]).toEqual([notReconciling, notStalled]);
    else if (kstatus === 'Failed') expect([reconciling, stalled]).toEqual([stalledElsewhere, `Stalled True ${says}`]);
    else expect([reconciling, stalled]).toEqual([`Reconciling True ${says}`, notStalled]);
  });

  test('whose plan cannot be applied is being worked on, suspended or not', () => {
    for (const snapshot of [runningJob(), runningJob().job((job) => job.suspended())]) {
      const { status } = blockedStatus(snapshot.snapshot, snapshot.plan, 'the quota is full');
      expect(conditionText(status, 'Reconciling')).toBe(
        'Reconciling True Blocked: Changes cannot be applied; retrying: the quota is full',
      );
    }
  });

  test('that breaks a rule of this version needs a person, unless it ended before', () => {
    const { metadata } = newJob().snapshot.job;
    const fault = { found: '0', expected: 'a number above 0', remedy: 'raise it' };
    const problems = [{ path: 'spec.weight', fault, message: 'spec.weight: found 0; raise it' }];
    const invalid = invalidStatus({ metadata, status: undefined, problems }, noonMs).status;
    expect(conditionText(invalid, 'Stalled')).toBe('Stalled True Invalid: spec.weight: found 0; raise it');
    const done = conditionsFrom([conditions.complete.yes(1, 'sha256:ab')], [], 1, noonMs);
    const ended = invalidStatus({ metadata, status: { conditions: done }, problems }, noonMs).status;
    expect(conditionText(ended, 'Stalled')).toBe(notStalled);
  });
});
