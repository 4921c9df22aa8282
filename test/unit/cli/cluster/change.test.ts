/** `distill suspend`, `resume` and `scale`: exactly one field changes, and only of the version that was read. */
import { describe, expect, test } from '@jest/globals';

import { scale, type ScaleOptions, setSuspended } from '../../../../src/cli/cluster/change.js';
import { fakeClusterReader, type FakeClusterReader, type SeenObjects } from '../../../kit/cluster-reader.js';
import { JobMaker } from '../../../kit/snapshots.js';

const name = { namespace: 'default', job: 'mnist' };
const two = new JobMaker()
  .pools({ name: 'gpu', resource: 'nvidia.com/gpu', maxReplicas: 4, minReplicas: 1 }, { name: 'cpu', maxReplicas: 8 })
  .change(({ metadata }) => Object.assign(metadata, { resourceVersion: '7' })).job;

interface Outcome {
  readonly lines: string[];
  readonly patches: FakeClusterReader['patches'];
}

async function scaled(options: Partial<ScaleOptions>, seen: Partial<SeenObjects> = {}): Promise<Outcome> {
  const cluster = fakeClusterReader({ jobs: [two], ...seen });
  const lines: string[] = [];
  await scale({ ...name, ...options }, { cluster, kubectlOptions: [], say: (line) => lines.push(line) });
  return { lines, patches: cluster.patches };
}

async function suspended(job: object, suspend: boolean): Promise<Outcome> {
  const cluster = fakeClusterReader({ jobs: [job] });
  const lines: string[] = [];
  await setSuspended(name, suspend, { cluster, kubectlOptions: [], say: (line) => lines.push(line) });
  return { lines, patches: cluster.patches };
}

describe('suspend and resume', () => {
  test('set the one field', async () => {
    expect((await suspended(two, true)).patches).toEqual([{ spec: { suspend: true } }]);
    expect((await suspended(new JobMaker(two).suspended().job, false)).patches).toEqual([{ spec: { suspend: false } }]);
  });

  test('change nothing that is so already', async () => {
    expect(await suspended(two, false)).toEqual({ lines: ['job default/mnist: it is not suspended'], patches: [] });
  });

  test('refuse a job that is over', async () => {
    const over = new JobMaker(two).status({ phase: 'Succeeded' }).job;
    await expect(suspended(over, true)).rejects.toThrow('job default/mnist: it is over (Succeeded).');
  });
});

describe('scale', () => {
  test('changes one pool of the version that was read, and keeps the others', async () => {
    const { lines, patches } = await scaled({ pool: 'gpu', most: 16 });
    const [gpu, cpu] = two.spec.teacher.pools;
    expect(patches).toEqual([
      { metadata: { resourceVersion: '7' }, spec: { teacher: { pools: [{ ...gpu, maxReplicas: 16 }, cpu] } } },
    ]);
    expect(lines).toEqual(['job default/mnist, pool gpu: 1 to 4 teachers before, 1 to 16 now']);
  });

  test('reads the job again when another change was faster', async () => {
    expect((await scaled({ pool: 'gpu', least: 2 }, { overtaken: 2 })).patches).toHaveLength(1);
    await expect(scaled({ pool: 'gpu', least: 2 }, { overtaken: 5 })).rejects.toThrow('others changed it 5 times');
  });

  test('needs no name for the only pool', async () => {
    const only = new JobMaker(two).pools({ name: 'gpu', maxReplicas: 4 }).job;
    expect((await scaled({ most: 2 }, { jobs: [only] })).lines).toEqual([
      'job default/mnist, pool gpu: 0 to 4 teachers before, 0 to 2 now',
    ]);
  });

  test.each<[string, Partial<ScaleOptions>, RegExp]>([
    ['without the pool', { most: 2 }, /found 2 pools, expected --pool with one of gpu, cpu/],
    ['of an unknown pool', { pool: 'tpu', most: 2 }, /found no pool "tpu", expected --pool with one of gpu, cpu/],
    [
      'below the least',
      { pool: 'gpu', most: 0 },
      /at least 1 teachers are more than at most 0\. Give a --min that is not above --max\./,
    ],
  ])('%s is refused', async (_, options, sentence) => {
    await expect(scaled(options)).rejects.toThrow(sentence);
  });
});
