/** `distill plan`: from the objects of a cluster to a snapshot, from a snapshot to a plan. */
import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, test } from '@jest/globals';

import { readInputOf } from '../shared/inputs.js';
import { CliError } from '../../../../src/cli/shared/cli-error.js';
import { type SeenCluster, snapshotOf } from '../../../../src/cli/cluster/cluster-snapshot.js';
import { plan, type PlanOptions } from '../../../../src/cli/cluster/plan.js';
import { settingsIn } from '../../../../src/cli/cluster/plan-settings.js';
import { replay } from '../../../../src/domain/index.js';
import { rawNode, strangerPod, teacherPod } from '../../../kit/kubernetes-objects.js';
import { JobMaker, noonMs } from '../../../kit/snapshots.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-plan-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const oneGpu = { cpu: '1', memory: '512Mi', 'nvidia.com/gpu': '1' };
const allocatable = { cpu: '16', memory: '64Gi', pods: '110', 'nvidia.com/gpu': '8' };

function job(name: string, uid: string, weight: number, wanted: number): SeenCluster['jobs'][number] {
  const pools = [{ name: 'gpu', desired: 1, ready: 1, reason: 'MatchStudent', wanted }];
  return new JobMaker()
    .pools({ name: 'gpu', resource: 'nvidia.com/gpu', maxReplicas: 20 })
    .status({ teachers: { desired: 1, ready: 1, samplesPerSecond: 0, pools } })
    .change(({ metadata, spec }) => {
      Object.assign(metadata, { name, uid });
      spec.weight = weight;
    }).job;
}

const readInput = readInputOf();

/** One node with eight slots: another pod has three, a teacher one. Two jobs; one has three times the weight. */
const seen: SeenCluster = {
  nodes: [rawNode('a', { allocatable })] as unknown as SeenCluster['nodes'],
  pods: [
    strangerPod('web').asking({ cpu: '1', 'nvidia.com/gpu': '3' }).on('a').ready().raw,
    teacherPod('gpu-0', 'u-1').ofJob('heavy').asking(oneGpu).on('a').ready().raw,
  ] as unknown as SeenCluster['pods'],
  jobs: [job('heavy', 'u-1', 3, 9), job('light', 'u-2', 1, 9)],
};

async function planned(options: Partial<PlanOptions> = {}, cluster = seen): Promise<string> {
  const lines: string[] = [];
  await plan(
    { ...settingsIn({}), json: false, ...options },
    { readCluster: () => Promise.resolve(cluster), readInput, say: (line) => lines.push(line), nowMs: noonMs },
  );
  return lines.join('\n');
}

async function refusal(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof CliError) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a plan', () => {
  test('says what there is, which job gets what, and why', async () => {
    expect(await planned()).toBe(
      [
        '1 node, 2 jobs, 0 pods of higher priority waiting for a node',
        '',
        'Resource        Free for teachers  Held back  Wanted by waiting pods',
        '--------        -----------------  ---------  ----------------------',
        'nvidia.com/gpu                  5          0                       0',
        '',
        'Job            Weight  Pool  Has  Wants  Gets  Why',
        '---            ------  ----  ---  -----  ----  ---',
        'default/heavy       3  gpu     1      9     4  4 of 9: 4 free slots, 1 shared with other jobs',
        'default/light       1  gpu     0      9     1  1 of 9: 1 free slot, 4 shared with other jobs',
      ].join('\n'),
    );
  });

  test('holds back the reserve', async () => {
    expect(await planned(settingsIn({ reserve: 'nvidia.com/gpu=3' }))).toContain('3 held back by reserve');
  });

  test('applies the limits', async () => {
    expect(await planned(settingsIn({ limitWeight: '1' }))).toMatch(/heavy +1 .* 3 of 9/);
  });

  test('divides between namespaces by their weights', () => {
    const other = { ...seen.jobs[1]!, metadata: { ...seen.jobs[1]!.metadata, namespace: 'other' } };
    const cluster = { ...seen, jobs: [seen.jobs[0]!, other] };
    const { rules, limits } = settingsIn({ namespaceWeights: 'other=4' });
    const grants = [...replay(snapshotOf(cluster, { rules, limits }, noonMs)).grants.values()];
    expect(grants.map(([grant]) => grant?.due)).toEqual([1, 4]);
  });

  test('leaves out a job of another controller, whose pods are pods of others', async () => {
    const foreign = job('foreign', 'u-3', 1, 9);
    const managed = { ...foreign, spec: { ...foreign.spec, managedBy: 'kueue.x-k8s.io/multikueue' } };
    const pod = teacherPod('gpu-1', 'u-3').ofJob('foreign').asking(oneGpu).on('a').ready().raw;
    const pods = [...seen.pods, pod as unknown as SeenCluster['pods'][number]];
    const text = await planned({}, { ...seen, pods, jobs: [...seen.jobs, managed] });
    expect(text).toContain('1 node, 2 jobs,');
    expect(text).toMatch(/nvidia\.com\/gpu +4 /);
    expect(text).not.toContain('foreign');
    const own = { ...foreign, spec: { ...foreign.spec, managedBy: 'distillery.dev/operator' } };
    expect(await planned({}, { ...seen, jobs: [...seen.jobs, own] })).toContain('1 node, 3 jobs,');
  });

  test('is the same from the snapshot that it saved', async () => {
    const file = join(folder, 'snapshot.json');
    const first = await planned({ save: file, json: true });
    expect(await planned({ file, json: true })).toBe(first);
    const { grants } = JSON.parse(first) as { grants: Record<string, { replicas: number }[]> };
    expect(Object.entries(grants).map(([uid, [grant]]) => [uid, grant?.replicas])).toEqual([
      ['u-1', 4],
      ['u-2', 1],
    ]);
  });
});

describe('a snapshot', () => {
  test('of a job without status requests nothing', () => {
    const silent = new JobMaker().job;
    const { jobs } = snapshotOf({ nodes: [], pods: [], jobs: [silent] }, settingsIn({}), noonMs);
    expect(jobs).toMatchObject([{ wanted: 0, pools: [{ name: 'cpu', keepReplicas: 0 }] }]);
  });

  test.each([
    ['that is not JSON', 'no', /^.*none\.json: not valid JSON\. Create a snapshot with `distill plan --save FILE`\.$/],
    [
      'that lacks a part',
      '{"nowMs": 1}',
      /none\.json: jobs: .*\. Create a new snapshot with `distill plan --save FILE`\.$/,
    ],
  ])('%s is refused', async (_what, text, sentence) => {
    const file = join(folder, 'none.json');
    writeFileSync(file, text);
    expect(await refusal(() => planned({ file }))).toMatch(sentence);
  });

  test('of a version without namespaces takes them from the names of jobs', async () => {
    const file = join(folder, 'old.json');
    const want = await planned({ save: file, json: true });
    const old = readFileSync(file, 'utf8')
      .replaceAll('"namespace":"default",', '')
      .replace('"namespaceWeights":{},', '');
    expect(old).not.toContain('namespace');
    writeFileSync(file, old);
    expect(await planned({ file, json: true })).toBe(want);
  });

  // cspell:ignore neighbours
  test('with the field names of earlier versions gives the same plan', async () => {
    const file = join(folder, 'earlier-names.json');
    const want = await planned({ save: file, json: true });
    const earlier = readFileSync(file, 'utf8')
      .replace('"pendingPods":', '"neighbours":')
      .replace('"facts":', '"account":')
      .replaceAll('"coLocatedSlots":', '"besideOthers":');
    for (const name of ['neighbours', 'account', 'besideOthers']) expect(earlier).toContain(`"${name}":`);
    writeFileSync(file, earlier);
    expect(await planned({ file, json: true })).toEqual(want);
  });

  test('with invalid numbers is refused, and the field is named', async () => {
    const file = join(folder, 'bent.json');
    await planned({ save: file });
    writeFileSync(file, readFileSync(file, 'utf8').replace('"weight":3', '"weight":-3'));
    expect(await refusal(() => planned({ file }))).toContain('bent.json: jobs.0.weight: ');
  });

  test('replaces an earlier one, and no other file', async () => {
    const file = join(folder, 'kept.json');
    writeFileSync(file, '');
    await planned({ save: file });
    await planned({ save: file });
    const link = join(folder, 'link.json');
    symlinkSync(file, link);
    await planned({ save: link });
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    writeFileSync(file, 'thesis');
    for (const save of [file, link]) {
      expect(await refusal(() => planned({ save }))).toBe(
        `--save ${save}: it exists and is not a snapshot. Name another file.`,
      );
    }
    expect(readFileSync(file, 'utf8')).toBe('thesis');
  });

  test('keeps nothing half-written of a killed command beside it, and every file of others', async () => {
    const file = join(folder, 'swept.json');
    // The pid of no process: the largest that Linux assigns.
    const half = (name: string): string => join(folder, `${name}.4194304-1.partial`);
    for (const name of ['swept.json', 'others.json']) writeFileSync(half(name), '{"nowMs":');
    await planned({ save: file });
    expect([half('swept.json'), half('others.json')].map((path) => existsSync(path))).toEqual([false, true]);
  });

  test('is written to a device, too', async () => {
    await planned({ save: '/dev/null' });
    expect(lstatSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  test('that does not exist, or cannot be saved, is refused', async () => {
    expect(await refusal(() => planned({ file: join(folder, 'nowhere.json') }))).toContain(
      'found nothing, expected a file',
    );
    writeFileSync(join(folder, 'a file'), 'mine');
    symlinkSync('/nowhere', join(folder, 'dangling'));
    const cases = [
      ['', /^--save: the name of the file is empty\. Name a file\.$/],
      ['no/such/folder', /: its folder does not exist\. Name another file\.$/],
      ['a file/below', /: .*a file is not a folder\. Name another folder\.$/],
      ['dangling', /: it is a link to \/nowhere, which does not exist\. Name another file\.$/],
      ['.', /: it is a folder\. Name another file\.$/],
    ] as const;
    for (const [name, sentence] of cases) {
      const readCluster = (): never => {
        throw new Error('a cluster was read although nothing can be saved');
      };
      const tools = { readCluster, readInput, say: () => undefined, nowMs: noonMs };
      const save = name === '' ? '' : join(folder, name);
      expect(await refusal(() => plan({ ...settingsIn({}), json: false, save }, tools))).toMatch(sentence);
    }
    expect(readFileSync(join(folder, 'a file'), 'utf8')).toBe('mine');
    expect(lstatSync(join(folder, 'dangling')).isSymbolicLink()).toBe(true);
  });
});

test('settings are refused with the sentences of the operator', async () => {
  expect(await refusal(() => settingsIn({ namespaceWeights: 'team-a' }))).toBe(
    '--namespace-weights: found "team-a", expected NAMESPACE=NUMBER, several with commas, each from 1 to 1000, such as team-a=3,team-b=2. Change it, or leave it out for equal shares.',
  );
});

test.each(['gpu', 'gpu=', 'gpu=101%', '=2', 'gpu=2,cpu'])('the reserve %s is refused', async (text) => {
  expect(await refusal(() => settingsIn({ reserve: text }))).toContain('expected RESOURCE=NUMBER or RESOURCE=PERCENT%');
});
