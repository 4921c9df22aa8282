/** What every workflow of .github keeps. actionlint (`npm run workflows`) checks that they are valid. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}
interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: unknown;
  readonly jobs: Readonly<Record<string, { readonly 'timeout-minutes'?: number; readonly steps: readonly Step[] }>>;
}

const root = join(import.meta.dirname, '../../..');
const files = globSync('.github/workflows/*.{yaml,yml}', { cwd: root });
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8');
const workflowOf = (file: string): Workflow => parse(textOf(file)) as Workflow;
const stepsOf = (file: string): Step[] => Object.values(workflowOf(file).jobs).flatMap(({ steps }) => steps);

test('there is one for changes and one for releases', () => {
  expect(files).toEqual(expect.arrayContaining(['.github/workflows/ci.yaml', '.github/workflows/release.yaml']));
});

describe.each(files)('%s', (file) => {
  test('names every action by a commit, with its version as a comment', () => {
    const lines = textOf(file).match(/^.*\buses:.*$/gm) ?? [];
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line).toMatch(/uses: [\w-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  test('may only read unless a job asks for more', () => {
    expect(workflowOf(file).permissions).toEqual({ contents: 'read' });
  });

  test('runs no code of a fork with our rights', () => {
    expect(Object.keys(workflowOf(file).on)).not.toContain('pull_request_target');
    expect(Object.keys(workflowOf(file).on)).not.toContain('workflow_run');
  });

  test('puts no expression into a script, where its value would be code', () => {
    for (const { run } of stepsOf(file)) expect(run ?? '').not.toContain('${{');
  });

  test('ends each job after a time', () => {
    for (const job of Object.values(workflowOf(file).jobs)) expect(job['timeout-minutes']).toBeGreaterThan(0);
  });

  test('leaves no token in the work tree', () => {
    for (const step of stepsOf(file).filter(({ uses }) => uses?.startsWith('actions/checkout@'))) {
      expect(step.with).toMatchObject({ 'persist-credentials': false });
    }
  });
});

test('CI runs the test command of the README', () => {
  const [, command] = /with real servers and real kills:\n\n```\n(.*)\n```/.exec(textOf('README.md')) ?? [];
  expect(command).toBeDefined();
  expect(stepsOf('.github/workflows/ci.yaml').map(({ run }) => run)).toContain(command);
});
