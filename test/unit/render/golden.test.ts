/**
 * The exact objects that are applied to a cluster: golden/*.yaml. test/cluster/render.test.ts applies the same files to a
 * real API server. After an intended change, run with UPDATE_GOLDEN=1 and read the diff.
 */
import { readFileSync, writeFileSync } from 'node:fs';

import { describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';

import { unsupported } from '../../../src/api/index.js';
import { goldenJobs, objectsOf } from './jobs.js';

describe('the objects of a job', () => {
  test.each(Object.keys(goldenJobs))('are these: %s', (name) => {
    const one = goldenJobs[name]!;
    expect(unsupported(one.job, 'cluster')).toEqual([]);
    const golden = new URL(`golden/${name}.yaml`, import.meta.url);
    const options = { aliasDuplicateObjects: false, lineWidth: 0 };
    const text = objectsOf(one)
      .map((object) => stringify(object, options))
      .join('---\n');
    if (process.env.UPDATE_GOLDEN !== undefined) writeFileSync(golden, text);
    expect(text).toBe(readFileSync(golden, 'utf8'));
  });
});
