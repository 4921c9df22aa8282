/** DistillJobs as the watch brings them: checked once a generation, however often their status changes. */
import { describe, expect, test } from '@jest/globals';

import { apiVersion, kind } from '../../../../../src/api/index.js';
import { KubernetesJobs } from '../../../../../src/cluster/kubernetes/act/kubernetes-jobs.js';
import { JobCache, type RawDistillJob } from '../../../../../src/cluster/kubernetes/cache/job-cache.js';
import type { StoredObject } from '../../../../../src/cluster/kubernetes/api/object.js';
import { FakeClock } from '../../../../kit/clock.js';
import { bent } from '../../../../kit/jobs.js';

const key = { namespace: 'default', name: 'mnist', uid: 'u-1' };

/** One version of a job; `read` is called when somebody looks into its spec. */
function version(resourceVersion: string, generation: number, spec: unknown, read: () => void): RawDistillJob {
  return {
    metadata: { ...key, resourceVersion, generation },
    get spec() {
      read();
      return spec;
    },
  };
}

describe('a job that the watch brings', () => {
  const { spec } = bent() as { readonly spec: object };

  test.each([
    ['valid', spec],
    ['invalid', { ...spec, weight: 0 }],
  ])('and that is %s is checked once a generation', (_title, given) => {
    let reads = 0;
    const cache = new JobCache({ clock: new FakeClock() });
    const read = (): void => void (reads += 1);
    let before: RawDistillJob | null = null;
    for (const [resourceVersion, generation] of [
      ['1', 1],
      ['2', 1],
      ['3', 1],
      ['4', 2],
      ['5', 2],
    ] as const) {
      const after = version(resourceVersion, generation, given, read);
      cache.observed(before, after);
      before = after;
      const found = cache.get(key);
      expect(found?.kind).toBe(given === spec ? 'Valid' : 'Invalid');
      if (found?.kind === 'Invalid') expect(found.metadata.resourceVersion).toBe(resourceVersion);
    }
    expect(reads).toBe(2);
  });

  test('and whose end it brings before the answer to a write stays gone', async () => {
    const answer = Promise.withResolvers<StoredObject>();
    const cache = new JobCache({ clock: new FakeClock() });
    const jobs = new KubernetesJobs({
      client: { apply: () => answer.promise, delete: () => Promise.reject(new Error('none')) },
      cache,
      record: () => undefined,
    });
    const job = version('1', 1, spec, () => undefined);
    cache.observed(null, job);
    const written = jobs.writeStatus(key, { phase: 'Running' });
    cache.observed(job, null);
    answer.resolve({ apiVersion, kind, metadata: { ...key, resourceVersion: '2', generation: 1 } });
    await written;
    expect(await jobs.get(key)).toBeNull();
    expect(cache.keys()).toEqual([]);
  });
});
