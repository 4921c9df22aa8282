/**
 * Data of every format that is wrong in one way at a time. Each time the real command ends with 65 at the first attempt and
 * one sentence, and leaves nothing. The sentences of each reader, one by one, are in test/unit/tables and test/unit/data.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from '@jest/globals';

import { distillExit } from '../../kit/distill.js';

import { binaryCases } from './data/binary.js';
import { type DataCase, writeFiles } from './data/cases.js';
import { fileCases, picturesOfEveryMode } from './data/files.js';
import { textCases } from './data/text.js';
import { endingOfRun } from './ending.js';
import { openCases, withoutTeacher } from './refusal.js';

const { folder, caseFolder, writeJob, refusalOf } = openCases('data');

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const formats: Readonly<Record<string, readonly DataCase[]>> = { ...textCases, ...binaryCases, ...fileCases };

describe.each(Object.entries(formats))('a data set of the format %s', (format, cases) => {
  it.each(cases)('that $what is refused', async (one) => {
    const place = caseFolder();
    const data = join(place, 'data');
    await writeFiles(data, one);
    const message = await refusalOf(
      place,
      (spec) => {
        spec.dataset = { ...spec.dataset, format, ...one.dataset };
        spec.student.model = { uri: 'preset://mlp?hidden=4' };
        withoutTeacher(spec);
      },
      one.path === undefined ? data : join(data, one.path),
    );
    expect(message.replaceAll(data, 'DIR')).toContain(one.want);
    const logs = join(place, 'run', 'logs');
    const students = existsSync(logs) ? readdirSync(logs).filter((name) => /^student-\d+\.log$/.test(name)) : [];
    expect(students.length).toBeLessThanOrEqual(1);
  });
});

it('a folder of pictures of every mode is one data set, where fields give a size', async () => {
  const place = caseFolder();
  const data = join(place, 'data');
  await writeFiles(data, { what: 'has every mode', files: picturesOfEveryMode, want: '' });
  const job = writeJob(
    place,
    (spec) => {
      const image = { name: 'image', type: 'image', height: 8, width: 8, channels: 3 };
      spec.dataset = { ...spec.dataset, format: 'imageFolder', fields: [image, { name: 'label', type: 'class' }] };
      spec.student.model = { uri: 'preset://mlp?hidden=4' };
      withoutTeacher(spec);
    },
    data,
  );
  const { message, exitCode } = await endingOfRun(job, join(place, 'run'));
  expect({ message, exitCode }).toEqual({ message: '', exitCode: distillExit.ok });
});
