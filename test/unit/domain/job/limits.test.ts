/** The administrator's limits: which values are cut, what is refused, and what the status of the job says. */
import { describe, expect, test } from '@jest/globals';

import type { DistillJob } from '../../../../src/api/index.js';
import { decide, type Limits, noLimits, parseLimit, withinLimits } from '../../../../src/domain/index.js';
import { clusterJob, conditionText, eventText, JobMaker } from '../../../kit/snapshots.js';

const limitsOf = (limits: Partial<Record<keyof Limits, string>>): Limits => ({
  ...noLimits,
  ...Object.fromEntries(Object.entries(limits).map(([name, text]) => [name, parseLimit(text, 0, 1e15)])),
});
const asking = (edit: (spec: DistillJob['spec']) => void): JobMaker => new JobMaker().change(({ spec }) => edit(spec));
const of = (job: DistillJob, namespace: string): DistillJob => ({
  ...job,
  metadata: { ...job.metadata, namespace },
});

describe('a limit', () => {
  test.each<[string, ReturnType<typeof parseLimit>]>([
    ['', { others: null, namespaces: {} }],
    ['10', { others: 10, namespaces: {} }],
    ['10, team-a=20,', { others: 10, namespaces: { 'team-a': 20 } }],
    ['team-a=2Ki', { others: null, namespaces: { 'team-a': 2_048 } }],
    ['10,20', null],
    ['team-a=1,team-a=1', null],
    ['team-a=', null],
    ['ten', null],
    ['-1', null],
    ['Team=1', null],
    ['1e3', null],
    ['1001', null],
  ])('reads %j', (text, want) => {
    expect(parseLimit(text, 0, text.includes('Ki') ? 1e6 : 1_000)).toEqual(want);
  });

  test('of a namespace counts there, and the common one everywhere else', () => {
    const limits = limitsOf({ weight: '10,team-a=100' });
    const { job } = asking((spec) => (spec.weight = 500));
    const weightIn = (namespace: string): number => withinLimits(of(job, namespace), limits).job.spec.weight;
    expect(['default', 'team-a', 'constructor'].map(weightIn)).toEqual([10, 100, 10]);
  });

  test('for one namespace leaves the others as they are', () => {
    const { job } = asking((spec) => (spec.weight = 500));
    expect(withinLimits(job, limitsOf({ weight: 'team-a=1' })).job).toBe(job);
  });
});

describe('a job that asks for more than its namespace may have', () => {
  const greedy = new JobMaker()
    .pools({ name: 'cheap', minReplicas: 3, maxReplicas: 9 }, { name: 'dear', minReplicas: 9, maxReplicas: 9 })
    .ttl(86_400)
    .change(({ spec }) => (spec.weight = 500));
  const limits = limitsOf({ weight: '10', minReplicas: '5', ttlSeconds: '3600', logitsBytes: '1Gi' });

  test('is cut to the limits, the cheapest pools last', () => {
    const { spec } = withinLimits(greedy.job, limits).job;
    expect(spec).toMatchObject({ weight: 10, ttlSecondsAfterFinished: 3_600 });
    expect(spec.teacher.pools.map(({ minReplicas }) => minReplicas)).toEqual([3, 2]);
  });

  test('is otherwise the same', () => {
    const { job } = greedy;
    const { spec } = withinLimits(job, limits).job;
    const pools = job.spec.teacher.pools.map((pool, index) => ({
      ...pool,
      minReplicas: spec.teacher.pools[index]!.minReplicas,
    }));
    expect({ ...spec, weight: 500, ttlSecondsAfterFinished: 86_400 }).toEqual({
      ...job.spec,
      teacher: { ...job.spec.teacher, pools },
    });
  });

  test('says in Accepted and once in an event what was cut', () => {
    const { limited } = withinLimits(greedy.job, limitsOf({ weight: '10', minReplicas: '5', ttlSeconds: '3600' }));
    const first = clusterJob().limited(limited).plan;
    const sentence =
      "The administrator's limits for this namespace apply: spec.weight: 500 counts as 10. minReplicas of all pools " +
      'together: 12 counts as 5. spec.ttlSecondsAfterFinished: 86400 counts as 3600.';
    expect(conditionText(first.status, 'Accepted')).toBe(
      `Accepted True Valid: The job is valid and can be run. ${sentence}`,
    );
    expect(first.events.map(eventText).slice(0, 2)).toEqual([
      'Accepted: The job is valid; its streams are being created.',
      `! Limited: ${sentence}`,
    ]);
    const again = decide({ ...clusterJob().limited(limited).snapshot, job: new JobMaker().status(first.status).job });
    expect(again.events.map(({ reason }) => reason)).not.toContain('Limited');
  });

  test('for a longer life, but had ended when the limit was set, keeps its time to live', () => {
    const lives = limitsOf({ ttlSeconds: '60' });
    const over = clusterJob().student({ phase: 'Succeeded' });
    const before = over.plan.status;
    const unsaid = new JobMaker().status(before).job;
    expect(withinLimits(unsaid, lives)).toEqual({ job: unsaid, limited: { notes: [], refusal: null } });
    const { limited } = withinLimits(new JobMaker().job, lives);
    const said = new JobMaker().status(over.limited(limited).plan.status).job;
    expect(withinLimits(said, lives).job.spec.ttlSecondsAfterFinished).toBe(60);
  });

  test('for storage is refused with a message, and runs nothing', () => {
    const { limited } = withinLimits(new JobMaker().job, limits);
    const plan = clusterJob().limited(limited).plan;
    expect(conditionText(plan.status, 'Accepted')).toBe(
      'Accepted False OverLimit: spec.logits.maxBytes: found 2Gi, but a job of this namespace may have at most 1Gi; ' +
        'lower it, or ask the administrator to raise the limit',
    );
    expect(plan).toMatchObject({ workers: 'Remove', streams: { provision: false }, student: 'Stop' });
  });

  test('for storage, but was accepted before the limit was set, continues', () => {
    const accepted = clusterJob().plan.status;
    const { limited } = withinLimits(new JobMaker().job, limits);
    const plan = decide({ ...clusterJob().limited(limited).snapshot, job: new JobMaker().status(accepted).job });
    expect(plan).toMatchObject({ workers: 'Apply', student: 'Run' });
  });
});
