/**
 * `distill plan`: who gets how many teachers, and why. From a cluster as it is (by the person's own rights; what each job
 * wants is read from its status), or from a snapshot that was saved. The operator's own decision code makes the plan.
 */
import { existsSync, lstatSync, readlinkSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

import { markdownTable, printableJson, reasonOf, TextError } from '@distillery/base';
import { readTextSync, writeWholeSync } from '@distillery/platform';

import { type DistillJob, grantText } from '../api/index.js';
import { ClusterCache, nodeView, podView, type StoredObject } from '../cluster/kubernetes/index.js';
import {
  type FleetSnapshot,
  fleetSnapshotOf,
  type Grant,
  type JobRequest,
  type Limits,
  noLimits,
  type PodNeeds,
  replay,
  type AllocationRules,
  slotsPerReplicaOf,
  withinLimits,
} from '../domain/index.js';
import { operatorVariables, type Variable } from '../operator-variables.js';
import { podNeeds } from '../render/index.js';

import { CliError } from './exit.js';
import { checkPlace } from './place.js';
import { fleetSnapshot } from './plan-file.js';

/** A cluster as its API server tells it. */
export interface SeenCluster {
  readonly nodes: readonly StoredObject[];
  readonly pods: readonly StoredObject[];
  readonly jobs: readonly DistillJob[];
}

export interface PlanOptions {
  /** A snapshot that was saved; absent = the cluster as it is. */
  readonly file?: string;
  /** Where the snapshot goes. */
  readonly save?: string;
  /** The operator's settings, which the API server does not know. */
  readonly rules: AllocationRules;
  readonly limits: Limits;
  readonly json: boolean;
}

export interface PlanTools {
  readonly readCluster: () => Promise<SeenCluster>;
  /** @throws CliError */
  readonly readInput: (path: string) => Promise<string>;
  readonly say: (line: string) => void;
  readonly nowMs: number;
}

/** @throws CliError */
export async function plan(options: PlanOptions, { readCluster, readInput, say, nowMs }: PlanTools): Promise<void> {
  // Before a large cluster is read.
  if (options.save !== undefined) checkSave(options.save);
  const snapshot =
    options.file === undefined
      ? snapshotOf(await readCluster(), options, nowMs)
      : fleetSnapshot(await readInput(options.file), options.file);
  if (options.save !== undefined) save(options.save, snapshot);
  const { grants } = replay(snapshot);
  if (options.json) {
    say(printableJson(JSON.stringify({ supply: snapshot.supply, grants: Object.fromEntries(grants) })));
    return;
  }
  const { jobs, pendingPods, facts } = snapshot;
  say(
    `${count(facts.nodes, 'node')}, ${count(jobs, 'job')}, ${count(pendingPods, 'pod')} of higher priority waiting for a node`,
  );
  if (Object.keys(snapshot.supply).length > 0) say(`\n${markdownTable(supplyRows(snapshot))}`);
  if (jobs.length > 0) say(`\n${markdownTable(jobs.flatMap((job) => jobRows(job, grants.get(job.uid) ?? [])))}`);
}

function count({ length }: readonly unknown[], noun: string): string {
  return length === 1 ? `1 ${noun}` : `${String(length)} ${noun}s`;
}

function supplyRows({ supply, pendingPods }: FleetSnapshot): Record<string, string | number>[] {
  return Object.entries(supply).map(([resource, { freeSlots, reserveSlots }]) => ({
    resource,
    'free for teachers': freeSlots,
    'held back': reserveSlots,
    'wanted by waiting pods': pendingPods.reduce((sum, { slots }) => sum + (slots[resource] ?? 0), 0),
  }));
}

function jobRows(job: FleetSnapshot['jobs'][number], grants: readonly Grant[]): Record<string, string | number>[] {
  return job.pools.map(({ name, teachers }) => {
    const grant = grants.find(({ pool }) => pool === name);
    return {
      job: job.name,
      weight: job.weight,
      pool: name,
      has: teachers.length,
      wants: grant?.why.wanted ?? 0,
      gets: grant?.replicas ?? 0,
      why: grant === undefined ? '' : grantText(grant),
    };
  });
}

/** What the operator would share now, if each job wants what its status says. */
export function snapshotOf(
  { nodes, pods, jobs }: SeenCluster,
  { rules, limits }: Pick<PlanOptions, 'rules' | 'limits'>,
  nowMs: number,
): FleetSnapshot {
  const cache = new ClusterCache({ now: () => nowMs });
  for (const { metadata } of jobs) {
    cache.toldOfJob({ namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid ?? '' });
  }
  for (const node of nodes) cache.toldOfNode(null, nodeView(node));
  for (const pod of pods) cache.toldOfPod(null, podView(pod as unknown as Parameters<typeof podView>[0]));
  const requests = jobs.map((job) => {
    const { namespace = '', name } = job.metadata;
    return { name: `${namespace}/${name}`, ...requestIn(withinLimits(job, limits).job) };
  });
  return fleetSnapshotOf(requests, cache.slots(), rules, nowMs);
}

function requestIn({ metadata, spec, status }: DistillJob): JobRequest<PodNeeds> {
  const pools = spec.teacher.pools.map((pool) => {
    const { name, resource = 'cpu', minReplicas } = pool;
    const told = status?.teachers?.pools.find((one) => one.name === name);
    const wanted = told?.wanted ?? told?.desired ?? 0;
    const needs = podNeeds(pool);
    return {
      name,
      needs,
      resource,
      slotsPerReplica: slotsPerReplicaOf(needs, resource),
      minReplicas: Math.min(minReplicas, wanted),
      keepReplicas: wanted,
      maxReplicas: wanted,
      unitsPerReplica: 1,
      teachers: [],
    };
  });
  const wanted = pools.reduce((sum, { keepReplicas }) => sum + keepReplicas, 0);
  const { uid = '', namespace = '' } = metadata;
  return { uid, namespace, weight: spec.weight, wanted, maxReplicas: wanted, pools };
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

/** @throws CliError badInput when the file cannot stand there, or would replace anything but a snapshot */
function checkSave(file: string): void {
  if (file.trim() === '')
    throw new CliError('badInput', {
      about: '--save',
      problem: 'the name of the file is empty',
      remedy: 'name a file',
    });
  checkPlace(`--save ${file}`, dirname(resolve(file)));
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

/** Replaces an earlier snapshot, and nothing else. @throws CliError */
function save(file: string, snapshot: FleetSnapshot): void {
  const text = `${JSON.stringify(snapshot)}\n`;
  try {
    checkSave(file);
    const entry = statSync(file, { throwIfNoEntry: false });
    if (entry === undefined) writeWholeSync(file, text);
    else if (entry.isFile()) writeWholeSync(realpathSync(file), text);
    // Such as /dev/stdout.
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

/** The operator's settings as flags, in the same words. */
export interface SettingFlags {
  readonly reserve?: string;
  readonly namespaceWeights?: string;
  readonly limitWeight?: string;
  readonly limitMinReplicas?: string;
}

/** @throws CliError */
export function settingsIn(flags: SettingFlags): Pick<PlanOptions, 'rules' | 'limits'> {
  const rules = {
    reserve: settingIn('--reserve', operatorVariables.DISTILLERY_RESERVE, flags.reserve),
    namespaceWeights: settingIn(
      '--namespace-weights',
      operatorVariables.DISTILLERY_NAMESPACE_WEIGHTS,
      flags.namespaceWeights,
    ),
  };
  const limits = {
    ...noLimits,
    weight: settingIn('--limit-weight', operatorVariables.DISTILLERY_LIMIT_WEIGHT, flags.limitWeight),
    minReplicas: settingIn(
      '--limit-min-replicas',
      operatorVariables.DISTILLERY_LIMIT_MIN_REPLICAS,
      flags.limitMinReplicas,
    ),
  };
  return { rules, limits };
}

function settingIn<T>(flag: string, { schema, expected }: Variable<T>, text = ''): T {
  const read = schema.safeParse(text);
  if (read.success) return read.data;
  throw new CliError('usage', { about: flag, found: JSON.stringify(text), expected, remedy: '' });
}
