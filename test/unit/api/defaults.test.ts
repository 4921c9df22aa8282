/** Defaulting as the API server does it; golden/resolved.json is the shortest job with everything filled in. */
import { readFileSync, writeFileSync } from 'node:fs';

import { describe, expect, test } from '@jest/globals';

import { readJob } from '../../../src/api/index.js';
import type { DistillJob } from '../../../src/api/index.js';
import { bent, yamlOf } from '../../kit/jobs.js';
import type { Change } from '../../kit/jobs.js';

function resolved(...changes: readonly Change[]): DistillJob {
  const result = readJob(yamlOf(bent(...changes)), { sourceName: 'job.yaml' });
  if (!result.ok) throw new Error(result.problems.map(({ message }) => message).join('\n'));
  return result.job;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, field]) => [name, sorted(field)]),
  );
}

describe('a job that leaves out what it may', () => {
  test('gets every default, as written down', () => {
    const golden = new URL('golden/resolved.json', import.meta.url);
    const text = `${JSON.stringify(sorted(resolved()), null, 2)}\n`;
    if (process.env.UPDATE_GOLDEN !== undefined) writeFileSync(golden, text);
    expect(text).toBe(readFileSync(golden, 'utf8'));
  });

  test('gets the rest of an object that it sets in part', () => {
    const { optimizer } = resolved(['spec.student.optimizer', { name: 'sgd', schedule: { name: 'Cosine' } }]).spec
      .student;
    expect(optimizer).toMatchObject({ name: 'sgd', learningRate: 0.001, momentum: 0.9 });
    expect(optimizer.schedule).toEqual({ name: 'Cosine', warmupSteps: 0, finalFraction: 0 });
  });

  test('gets the defaults of each pool, and no default pool beside its own', () => {
    const { pools } = resolved(['spec.teacher.pools', [{ name: 'a' }, { name: 'b', maxReplicas: 9 }]]).spec.teacher;
    expect(pools).toEqual([
      { name: 'a', slotsPerReplica: 1, minReplicas: 0, maxReplicas: 4, template: {} },
      { name: 'b', slotsPerReplica: 1, minReplicas: 0, maxReplicas: 9, template: {} },
    ]);
  });

  test('gets the default for null, as from the API server', () => {
    expect(resolved(['spec.weight', null], ['spec.training', null]).spec).toMatchObject({
      weight: 1,
      training: { batchSize: 128 },
    });
  });

  test('keeps its own values and complete templates, including null and unknown fields in them', () => {
    const template = { spec: { nodeSelector: { zone: 'a' }, anything: [1, null] } };
    const job = resolved(['spec.student.template', template], ['spec.suspend', true], ['spec.backoffLimit', 0]);
    expect(job.spec.student.template).toEqual(template);
    expect(job.spec).toMatchObject({ suspend: true, backoffLimit: 0 });
  });

  test('shares no object with another job', () => {
    const first = resolved();
    first.spec.teacher.pools[0]!.maxReplicas = 99;
    expect(resolved().spec.teacher.pools[0]!.maxReplicas).toBe(4);
  });
});
