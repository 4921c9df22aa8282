/** A finished model as a student stores it: three files, and the digest of its weights. */
import { createHash } from 'node:crypto';

import { type NamedWeights, resultPrefix, weightsDigestParts } from '@distillery/protocol';

export interface TestModel {
  /** Content by file name. */
  readonly files: Readonly<Record<string, Uint8Array>>;
  readonly digest: string;
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** @param seed decides the weights */
export function testModel(seed = 1): TestModel {
  const weights: NamedWeights[] = [
    { name: 'dense/kernel', shape: [3, 2], data: Float32Array.from({ length: 6 }, (_, at) => at * seed + 0.5) },
    { name: 'dense/bias', shape: [2], data: Float32Array.of(seed, -seed) },
    { name: 'scale', shape: [], data: Float32Array.of(seed / 3) },
  ];
  const hash = createHash('sha256');
  for (const part of weightsDigestParts(weights)) hash.update(part);
  const digest = hash.digest('hex');
  const manifest = [
    { paths: ['weights.bin'], weights: weights.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })) },
  ];
  return {
    digest,
    files: {
      'model.json': utf8(JSON.stringify({ format: 'layers-model', modelTopology: {}, weightsManifest: manifest })),
      'weights.bin': Buffer.concat(
        weights.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
      ),
      'metrics.json': utf8(JSON.stringify({ digest, accuracy: 0.98 })),
    },
  };
}

/** The files as objects of the job's store. */
export function resultsOf({ files }: TestModel): [string, Uint8Array][] {
  return Object.entries(files).map(([name, content]) => [`${resultPrefix}${name}`, content]);
}

/** A DistillJob as the API server holds it; `changes` go over its status and its output store. */
export function clusterJob(
  changes: { readonly status?: object; readonly store?: string; readonly uid?: string } = {},
): object {
  return {
    apiVersion: 'distillery.dev/v1alpha1',
    kind: 'DistillJob',
    metadata: { name: 'mnist', namespace: 'team-a', uid: changes.uid ?? 'job-uid', resourceVersion: '7' },
    spec: { student: { loss: { softWeight: 0.7 }, output: { store: changes.store ?? 'nats' } } },
    ...(changes.status === undefined ? {} : { status: changes.status }),
  };
}

export function conditionOf(type: string, message: string): object {
  return { type, status: 'True', reason: 'Test', message, lastTransitionTime: '2026-01-02T03:04:05Z' };
}

export function completeStatus(digest: string): object {
  return {
    phase: 'Succeeded',
    conditions: [conditionOf('Complete', 'The student is trained.')],
    result: { digest, accuracy: 0.98 },
  };
}
