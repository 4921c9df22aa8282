/**
 * `distill plan`: who gets how many teachers, and why. It plans for a cluster, with the person's own rights, or for a saved
 * snapshot, and uses the operator's own decision code.
 */
import { count, printableJson } from '@distillery/base';

import { grantText } from '../../api/index.js';
import { type AllocationRules, type FleetSnapshot, type Grant, type Limits, replay } from '../../domain/index.js';

import type { ReadInput } from '../shared/input.js';

import { type SeenCluster, snapshotOf } from './cluster-snapshot.js';
import { table } from './job-page.js';
import { checkSave, fleetSnapshot, saveSnapshot } from './plan-file.js';

export interface PlanOptions {
  /** A saved snapshot; absent = read the cluster. */
  readonly file?: string;
  /** Where to save the snapshot; absent = nowhere. */
  readonly save?: string;
  /** Settings of the operator, which no object of the API server holds. */
  readonly rules: AllocationRules;
  readonly limits: Limits;
  readonly json: boolean;
}

export interface PlanTools {
  readonly readCluster: () => Promise<SeenCluster>;
  readonly readInput: ReadInput;
  readonly say: (line: string) => void;
  readonly nowMs: number;
}

/** @throws CliError */
export async function plan(options: PlanOptions, { readCluster, readInput, say, nowMs }: PlanTools): Promise<void> {
  // Reading a large cluster takes a while: check the folder first.
  if (options.save !== undefined) checkSave(options.save);
  const snapshot =
    options.file === undefined
      ? snapshotOf(await readCluster(), options, nowMs)
      : fleetSnapshot(await readInput(options.file), options.file);
  if (options.save !== undefined) saveSnapshot(options.save, snapshot);
  const { grants } = replay(snapshot);
  if (options.json) {
    say(printableJson(JSON.stringify({ supply: snapshot.supply, grants: Object.fromEntries(grants) })));
    return;
  }
  const { jobs, pendingPods, facts } = snapshot;
  say(
    `${count(facts.nodes.length, 'node')}, ${count(jobs.length, 'job')}, ${count(pendingPods.length, 'pod')} of higher priority waiting for a node`,
  );
  if (Object.keys(snapshot.supply).length > 0) say(`\n${supplyTable(snapshot)}`);
  if (jobs.length > 0) say(`\n${jobTable(jobs.flatMap((job) => jobRows(job, grants.get(job.uid) ?? [])))}`);
}

function supplyTable({ supply, pendingPods }: FleetSnapshot): string {
  const head = ['Resource', 'Free for teachers', 'Held back', 'Wanted by waiting pods'];
  const rows = Object.entries(supply).map(([resource, { freeSlots, reserveSlots }]) => {
    const wanted = pendingPods.reduce((sum, { slots }) => sum + (slots[resource] ?? 0), 0);
    return [resource, ...[freeSlots, reserveSlots, wanted].map(String)];
  });
  return table(head, rows, [1, 2, 3]);
}

function jobTable(rows: readonly (readonly string[])[]): string {
  return table(['Job', 'Weight', 'Pool', 'Has', 'Wants', 'Gets', 'Why'], rows, [1, 3, 4, 5]);
}

function jobRows({ name, weight, pools }: FleetSnapshot['jobs'][number], grants: readonly Grant[]): string[][] {
  return pools.map(({ name: pool, teachers }) => {
    const grant = grants.find((each) => each.pool === pool);
    const [wants, gets] = [grant?.why.wanted ?? 0, grant?.replicas ?? 0];
    return [
      name,
      String(weight),
      pool,
      ...[teachers.length, wants, gets].map(String),
      grant === undefined ? '' : grantText(grant),
    ];
  });
}
