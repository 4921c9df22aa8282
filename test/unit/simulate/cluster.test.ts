/** Where the simulated scheduler puts pods. */
import { describe, expect, test } from '@jest/globals';

import { type Cluster, clusterOf } from '../../../src/simulate/cluster.js';
import type { TraceNeighbor, TraceNode } from '../../../src/simulate/trace.js';

const node = (name: string, slots: number, model = 'any'): TraceNode => ({ name, slots, model });
const pod = (slots: number, changes: Partial<TraceNeighbor> = {}): TraceNeighbor => ({
  name: 'pod',
  arrivesAtSeconds: 0,
  runsSeconds: 1,
  slots,
  milli: 1_000,
  models: null,
  ...changes,
});

/** Books a neighbor where the scheduler would. */
function put(
  cluster: Cluster<unknown>,
  wanted: TraceNeighbor,
): { readonly on: string | null; readonly release: () => void } {
  const found = cluster.nodeForNeighbor(wanted);
  return { on: found?.name ?? null, release: found === null ? () => undefined : cluster.hold(wanted, found) };
}

describe('a neighbor', () => {
  test('goes where the fewest slots stay open', () => {
    const cluster = clusterOf([node('large', 8), node('small', 2)]);
    expect([put(cluster, pod(1)).on, put(cluster, pod(1)).on, put(cluster, pod(1)).on]).toEqual([
      'small',
      'small',
      'large',
    ]);
    expect(put(cluster, pod(8)).on).toBeNull();
    expect(put(cluster, pod(7)).on).toBe('large');
    expect(cluster.free).toBe(0);
  });

  test('gives its room back', () => {
    const cluster = clusterOf([node('a', 4)]);
    const first = put(cluster, pod(4));
    expect(put(cluster, pod(1)).on).toBeNull();
    first.release();
    expect(put(cluster, pod(4)).on).toBe('a');
  });

  test('takes only the models that it names', () => {
    const cluster = clusterOf([node('t4', 4, 'T4'), node('v100', 8, 'V100M32')]);
    expect(put(cluster, pod(2, { models: ['V100M16', 'V100M32'] })).on).toBe('v100');
    expect(put(cluster, pod(1, { models: ['G2'] })).on).toBeNull();
  });

  test('shares a slot with others of its kind, and the slot is free after the last', () => {
    const cluster = clusterOf([node('a', 2)]);
    const third = pod(1, { milli: 300 });
    const sharing = [put(cluster, third), put(cluster, third), put(cluster, third)];
    expect(cluster.free).toBe(1);
    const fourth = put(cluster, third);
    expect(cluster.free).toBe(0);
    sharing.forEach(({ release }) => release());
    expect(cluster.free).toBe(1);
    fourth.release();
    expect(cluster.free).toBe(2);
  });
});

describe('preemption', () => {
  test('chooses the node where the fewest teachers have to go, those that go already left out', () => {
    const cluster = clusterOf<string>([node('a', 4), node('b', 4)]);
    for (const [index, held] of cluster.nodes.entries()) {
      cluster.change(held, (full) => (full.free = 0));
      for (let teacher = 0; teacher < 4; teacher++) held.teachers.set(`${index}-${teacher}`, teacher);
    }
    const [, second] = cluster.nodes;
    second!.teachers.delete('1-0');
    second!.leaving = 1;
    expect(cluster.nodeByPreemption(pod(2))).toEqual({ node: second, victims: 1 });
    expect(cluster.nodeByPreemption(pod(5))).toBeNull();
  });

  test('chooses among nodes where as many have to go the one whose victims started last', () => {
    const cluster = clusterOf<string>(['a', 'b', 'c'].map((name) => node(name, 2)));
    const started = { a: [0, 7], b: [3, 5], c: [1, 9.5] };
    for (const held of cluster.nodes) {
      cluster.change(held, (full) => (full.free = 0));
      for (const since of started[held.name as keyof typeof started]) {
        held.teachers.set(`${held.name}-${String(since)}`, since);
      }
    }
    const [, b, c] = cluster.nodes;
    expect(cluster.nodeByPreemption(pod(1))).toEqual({ node: c, victims: 1 });
    expect(cluster.nodeByPreemption(pod(2))).toEqual({ node: b, victims: 2 });
  });

  test('keeps what was promised from everybody else', () => {
    const cluster = clusterOf<string>([node('a', 4)]);
    cluster.change(cluster.nodes[0]!, (only) => (only.promised = 3));
    expect(put(cluster, pod(2)).on).toBeNull();
    expect(cluster.nodeForTeacher('Packed')?.name).toBe('a');
    cluster.change(cluster.nodes[0]!, (only) => (only.promised = 4));
    expect(cluster.nodeForTeacher('Packed')).toBeNull();
    expect(cluster.nodeForTeacher('Apart')).toBeNull();
  });
});

describe('a teacher', () => {
  test('goes beside neighbors when packed, and away from them when apart', () => {
    const cluster = clusterOf([node('a', 4), node('b', 4)]);
    expect(put(cluster, pod(2)).on).toBe('a');
    expect(cluster.nodeForTeacher('Packed')?.name).toBe('a');
    expect(cluster.nodeForTeacher('Apart')?.name).toBe('b');
  });
});
