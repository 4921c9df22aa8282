/** A fleet's snapshot in a file: read as any input is, and told where it is wrong. */
import { z } from 'zod';

import type { FleetSnapshot } from '../domain/index.js';

import { CliError } from './exit.js';

const text = z.string().max(1_024);
const count = z.number().int().min(0).max(1e9);
const amounts = z.record(text, z.number().min(0));
const taint = z.object({ key: text, value: text.optional(), effect: text });
const toleration = z.object({
  key: text.optional(),
  operator: text.optional(),
  value: text.optional(),
  effect: text.optional(),
});
const requirement = z.object({ key: text, operator: text, values: z.array(text).optional() });
const term = z.object({
  matchExpressions: z.array(requirement).optional(),
  matchFields: z.array(requirement).optional(),
});
const needs = z.object({
  requests: amounts,
  nodeSelector: z.record(text, text),
  requiredTerms: z.array(term).nullable(),
  tolerations: z.array(toleration),
  priority: z.number().optional(),
});
/** Snapshots of earlier versions have other names for some fields. */
function renamed(names: Readonly<Record<string, string>>): (value: unknown) => unknown {
  return (value) =>
    typeof value !== 'object' || value === null || Array.isArray(value)
      ? value
      : Object.fromEntries(Object.entries(value).map(([name, field]) => [names[name] ?? name, field]));
}

const teacherFields = z.object({
  name: text,
  node: text.nullable(),
  needs,
  ready: z.boolean(),
  coLocatedSlots: z.number().min(0),
  samplesPerSecond: z.number().min(0),
  createdAtMs: z.number(),
});
const teacher = z.preprocess(renamed({ besideOthers: 'coLocatedSlots' }), teacherFields);
const pool = z.object({
  name: text,
  needs,
  resource: text,
  slotsPerReplica: z.number().int().min(1),
  minReplicas: count,
  keepReplicas: count,
  maxReplicas: count,
  unitsPerReplica: z.number().positive(),
  teachers: z.array(teacher),
});
const job = z.object({
  uid: text,
  name: text,
  /** Absent in snapshots of versions that shared among jobs alone: the name begins with it. */
  namespace: text.optional(),
  weight: z.number().min(0),
  wanted: z.number().min(0),
  least: z.number().min(0).optional(),
  needed: z.array(count).max(64).optional(),
  maxReplicas: z.number().min(0),
  pools: z.array(pool).max(64),
});
const node = z.object({
  name: text,
  labels: z.record(text, text),
  taints: z.array(taint),
  takesPods: z.boolean(),
  allocatable: amounts,
});
const pod = z.object({
  uid: text,
  node: text.nullable(),
  nominated: text.nullable(),
  priority: z.number(),
  ended: z.boolean(),
  requests: amounts,
  claimsDevices: z.boolean(),
});
const fields = z.object({
  nowMs: z.number(),
  jobs: z.array(job),
  pendingPods: z.array(
    z.object({ uid: text, needs, priority: z.number(), createdAtMs: z.number(), slots: z.record(text, count) }),
  ),
  leaving: z.array(z.object({ node: text, needs, resource: text, slots: count })),
  supply: z.record(text, z.object({ freeSlots: count, reserveSlots: count })),
  namespaceWeights: z.record(text, z.number().positive()).default({}),
  facts: z.object({ nodes: z.array(node), pods: z.array(pod) }),
});
const schema = z.preprocess(renamed({ neighbours: 'pendingPods', account: 'facts' }), fields);

/** @param source what the text is called in an error. @throws CliError */
export function fleetSnapshot(text: string, source: string): FleetSnapshot {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CliError(
      'badInput',
      { about: source, problem: 'not valid JSON', remedy: 'create a snapshot with `distill plan --save FILE`' },
      {
        cause: error,
      },
    );
  }
  const read = schema.safeParse(value);
  if (read.success) {
    const jobs = read.data.jobs.map((one) => ({ ...one, namespace: one.namespace ?? one.name.split('/')[0] ?? '' }));
    return { ...read.data, jobs } as FleetSnapshot;
  }
  const [issue] = read.error.issues;
  throw new CliError('badInput', {
    about: source,
    problem: `${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? ''}`,
    remedy: 'create a new snapshot with `distill plan --save FILE`',
  });
}
