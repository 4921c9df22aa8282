/**
 * What other tools make of a job's status: the real kstatus, which Flux and `helm --wait` use, and Argo CD's scripts in the
 * interpreter that Argo CD has. The jobs are those that the operator's decisions write.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';

import { repositoryRoot } from '../../kit/cluster/paths.js';
import { buildTools, judgeTools } from '../../kit/cluster/tools.js';
import { jobAtStage, standardJobs } from '../../kit/job-stages.js';
import { judge, kstatusOf } from '../../kit/judges.js';

const customizations = join(repositoryRoot, 'integrations/argocd/resource_customizations/distillery.dev/DistillJob');

interface HealthTests {
  readonly tests: readonly {
    readonly inputPath: string;
    readonly healthStatus: { readonly status: string; readonly message: string };
  }[];
}
interface ActionTests {
  readonly discoveryTests: readonly {
    readonly inputPath: string;
    readonly result: readonly { readonly name: string; readonly iconClass: string }[];
  }[];
  readonly actionTests: readonly {
    readonly action: string;
    readonly inputPath: string;
    readonly expectedOutputPath: string;
  }[];
}

async function read<T>(...file: readonly string[]): Promise<T> {
  return parse(await readFile(join(customizations, ...file), 'utf8')) as T;
}

const script = (name: string): string => join(customizations, name);

beforeAll(async () => {
  await buildTools({ groups: [judgeTools] });
});

describe('kstatus', () => {
  test('says of every stage of a job what its conditions mean', async () => {
    const verdicts = await kstatusOf(...standardJobs.map(({ name }) => jobAtStage(name)));
    expect(verdicts.map(({ status }, at) => `${standardJobs[at]!.name}: ${status}`)).toEqual(
      standardJobs.map(({ name, kstatus }) => `${name}: ${kstatus}`),
    );
    // With the reason's sentence, which `helm --wait` and `flux get` print.
    for (const [at, { kstatus, says }] of standardJobs.entries()) {
      if (kstatus === 'InProgress' || kstatus === 'Failed') expect(says).toContain(`: ${verdicts[at]!.message}`);
    }
  });

  test('waits for the operator to see a new job, and a change', async () => {
    const jobs = ['that no operator has seen', 'that was changed just now'].map(jobAtStage);
    expect(await kstatusOf(...jobs)).toEqual([
      { status: 'InProgress', message: 'DistillJob generation is 1, but latest observed generation is -1' },
      { status: 'InProgress', message: 'DistillJob generation is 2, but latest observed generation is 1' },
    ]);
  });
});

describe('Argo CD', () => {
  test('shows the health that its test data expect', async () => {
    const { tests } = await read<HealthTests>('health_test.yaml');
    const jobs = await Promise.all(tests.map(({ inputPath }) => read(inputPath)));
    expect(await judge('argo-lua', [script('health.lua')], jobs)).toEqual(
      tests.map(({ healthStatus }) => healthStatus),
    );
  });

  test('offers the actions that its test data expect', async () => {
    const { discoveryTests } = await read<ActionTests>('actions', 'action_test.yaml');
    const jobs = await Promise.all(discoveryTests.map(({ inputPath }) => read('actions', inputPath)));
    const offered = await judge<Record<string, object> | []>('argo-lua', [script('actions/discovery.lua')], jobs);
    const named = offered.map((one) => Object.entries(one).map(([name, action]) => ({ name, ...action })));
    expect(named).toEqual(discoveryTests.map(({ result }) => result));
  });

  test('changes a job as its test data expect, and nothing else of it', async () => {
    const { actionTests } = await read<ActionTests>('actions', 'action_test.yaml');
    for (const { action, inputPath, expectedOutputPath } of actionTests) {
      const [before, wanted] = await Promise.all([inputPath, expectedOutputPath].map((file) => read('actions', file)));
      const [changed] = await judge('argo-lua', [script(`actions/${action}/action.lua`)], [before]);
      expect(changed).toEqual(wanted);
    }
  });

  test('gets the same scripts from the patch of its ConfigMap', async () => {
    const file = join(repositoryRoot, 'integrations/argocd/argocd-cm.yaml');
    const { data } = parse(await readFile(file, 'utf8')) as { data: Record<string, string> };
    const lua = (name: string): Promise<string> => readFile(script(name), 'utf8');
    expect(data['resource.customizations.health.distillery.dev_DistillJob']).toBe(await lua('health.lua'));
    expect(parse(data['resource.customizations.actions.distillery.dev_DistillJob'] ?? '')).toEqual({
      'discovery.lua': await lua('actions/discovery.lua'),
      definitions: [
        { name: 'suspend', 'action.lua': await lua('actions/suspend/action.lua') },
        { name: 'resume', 'action.lua': await lua('actions/resume/action.lua') },
      ],
    });
  });
});
