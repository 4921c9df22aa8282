/** The file that holds the snapshot of a plan. */
import { existsSync, lstatSync, readlinkSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';

import { reasonOf, TextError } from '@distillery/base';
import { readTextSync, sweepHalfWrittenSync, writeWholeSync } from '@distillery/platform';
import { z } from 'zod';

import type { FleetSnapshot } from '../../domain/index.js';

import { CliError } from '../shared/cli-error.js';
import { checkPath } from '../shared/folders.js';

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
// cspell:ignore neighbours
const schema = z.preprocess(renamed({ neighbours: 'pendingPods', account: 'facts' }), fields);

/** Reads a saved snapshot. @param source names the text in an error @throws CliError badInput */
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

function holdsSnapshot(file: string): boolean {
  try {
    fleetSnapshot(readTextSync(file), file);
    return true;
  } catch (error) {
    if (error instanceof CliError || error instanceof TextError) return false;
    throw error;
  }
}

/** Checks that a snapshot can be saved in a file. @throws CliError badInput also when it would replace anything else */
export function checkSave(file: string): void {
  if (file.trim() === '')
    throw new CliError('badInput', {
      about: '--save',
      problem: 'the name of the file is empty',
      remedy: 'name a file',
    });
  checkPath(`--save ${file}`, dirname(resolve(file)));
  const wrong = (is: string): CliError =>
    new CliError('badInput', { about: `--save ${file}`, problem: is, remedy: 'name another file' });
  if (!existsSync(dirname(resolve(file)))) throw wrong('its folder does not exist');
  const entry = statSync(file, { throwIfNoEntry: false });
  if (entry === undefined) {
    const link = lstatSync(file, { throwIfNoEntry: false });
    if (link !== undefined) throw wrong(`it is a link to ${readlinkSync(file)}, which does not exist`);
    return;
  }
  if (entry.isDirectory()) throw wrong('it is a folder');
  if (entry.isFile() && entry.size > 0 && !holdsSnapshot(file)) throw wrong('it exists and is not a snapshot');
}

/** Writes a snapshot. An earlier snapshot in the file is replaced, anything else never. @throws CliError */
export function saveSnapshot(file: string, snapshot: FleetSnapshot): void {
  const text = `${JSON.stringify(snapshot)}\n`;
  try {
    checkSave(file);
    const entry = statSync(file, { throwIfNoEntry: false });
    if (entry === undefined) writeSwept(resolve(file), text);
    else if (entry.isFile()) writeSwept(realpathSync(file), text);
    // A device, such as /dev/stdout.
    else writeFileSync(file, text);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(
      'storage',
      { about: `--save ${file}`, problem: `cannot be written (${reasonOf(error)})`, remedy: 'name another file' },
      {
        cause: error,
      },
    );
  }
}

/** Writes the file, and removes what killed commands left of it beside it. */
function writeSwept(file: string, text: string): void {
  writeWholeSync(file, text);
  sweepHalfWrittenSync(dirname(file), { isOwn: (target) => target === basename(file) });
}
