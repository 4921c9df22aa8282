/** What is remembered of a job goes with the job, also in a replica that never leads. */
import { expect, test } from '@jest/globals';

import { ClusterCache, KubernetesCluster, type StoredObject } from '../../../../../src/cluster/kubernetes/index.js';
import { JobQueue } from '../../../../../src/controller/index.js';
import { FakeClock } from '../../../../kit/clock.js';
import { named, rendered, settings } from '../../../render/jobs.js';

const jobs = 20;
const { job: model, access } = rendered(named('mnist'));
const jobAt = (at: number): typeof model => ({
  ...model,
  metadata: { ...model.metadata, name: `job-${String(at)}`, uid: `u-${String(at)}` },
});
const keyOf = (at: number) => ({ namespace: 'team', name: `job-${String(at)}`, uid: `u-${String(at)}` });

/** An API server that takes everything. */
const takes = (object: { readonly metadata: { readonly name: string } }): Promise<StoredObject> => {
  const metadata = { ...object.metadata, uid: `uid-${object.metadata.name}`, generation: 1 };
  return Promise.resolve({ ...object, metadata } as unknown as StoredObject);
};
const nothing = (): Promise<never> => Promise.reject(new Error('is not asked'));

test('the adapter remembers a job until it is forgotten, and no longer', async () => {
  const clock = new FakeClock();
  const cluster = new KubernetesCluster({
    client: { apply: takes, create: takes, patch: nothing, replace: nothing, list: nothing, delete: nothing },
    cache: new ClusterCache(clock),
    settings,
    clock,
    hash: (text) => String(text.length),
  });
  for (let at = 0; at < jobs; at++) {
    const job = jobAt(at);
    const key = keyOf(at);
    await cluster.observe(key, job);
    const pools = job.spec.teacher.pools.map(({ name }) => ({ name, replicas: 2, leave: [] }));
    await cluster.apply(key, job, { pools, student: 'Run' }, (role) => Promise.resolve(access[role]));
  }
  expect(cluster.remembered).toBe(jobs);
  for (let at = 0; at < jobs; at++) cluster.forget(keyOf(at).uid);
  expect(cluster.remembered).toBe(0);
});

test('a replica that does not lead forgets a job when its object is gone', () => {
  const forgotten: string[] = [];
  const queue = new JobQueue({ clock: new FakeClock(), workers: 1 });
  queue.onForget(({ uid }) => void forgotten.push(uid));
  for (let at = 0; at < jobs; at++) queue.wake.job(keyOf(at));
  expect(queue.jobs).toBe(jobs);
  for (let at = 0; at < jobs; at++) queue.wake.jobGone(keyOf(at));
  expect(queue.jobs).toBe(0);
  expect(forgotten).toEqual(Array.from({ length: jobs }, (_, at) => `u-${String(at)}`));
});
