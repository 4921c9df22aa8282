/** The allocation over all jobs, kept up to date: which jobs it wakes, when it is made again, and from what. */
import { describe, expect, test } from '@jest/globals';

import { machineSlots, oneSlot, slotResource, localNode } from '../../../src/cluster/local/machine.js';
import { Fleet } from '../../../src/controller/index.js';
import {
  type JobRequest,
  type NamespaceWeights,
  type PodNeeds,
  replay,
  type Reserve,
  type CurrentTeacher,
} from '../../../src/domain/index.js';
import { FakeClock } from '../../kit/clock.js';

const keyOf = (uid: string) => ({ namespace: 'default', name: uid, uid });

function claimed(uid: string, wanted: number, weight = 1): JobRequest<PodNeeds> {
  const pool = { name: 'cpu', needs: oneSlot, resource: slotResource, slotsPerReplica: 1 };
  const bounds = { minReplicas: 0, keepReplicas: 0, maxReplicas: 100, unitsPerReplica: 1 };
  return { uid, namespace: 'default', weight, wanted, maxReplicas: 100, pools: [{ ...pool, ...bounds, teachers: [] }] };
}

function running(...names: readonly string[]): CurrentTeacher[] {
  const { requests } = oneSlot;
  return names.map((name) => ({ pool: 'cpu', name, node: localNode, requests, ready: true, createdAtMs: 0 }));
}

/** A machine with this number of slots, and jobs with teachers on it. */
function fleetOf(slots: number, reserve: Reserve = {}, namespaceWeights: NamespaceWeights = {}) {
  const clock = new FakeClock(0);
  const teachers = new Map<string, CurrentTeacher[]>();
  const changed: string[] = [];
  let shares = 0;
  const machine: { slots: number; pendingPods: ReturnType<typeof machineSlots>['pendingPods'] } = {
    slots,
    pendingPods: [],
  };
  const fleet = new Fleet({
    slots: () => {
      const staying = [...teachers.values()].flat();
      return {
        ...machineSlots(machine.slots, staying.length, staying),
        pendingPods: machine.pendingPods,
        teachersOf: (uid: string) => teachers.get(uid) ?? [],
      };
    },
    rules: { reserve, namespaceWeights },
    clock,
    monotonicMs: () => clock.now(),
    wake: { part: (uid) => void changed.push(uid) },
    allocated: () => {
      shares += 1;
    },
  });
  const ask = async (uid: string, wanted: number, weight?: number): Promise<number | null> => {
    const [grant] = await fleet.grantsFor(keyOf(uid), claimed(uid, wanted, weight));
    return grant === undefined ? null : grant.due;
  };
  return {
    fleet,
    teachers,
    machine,
    changed,
    ask,
    shares: () => shares,
  };
}

describe('a fleet', () => {
  test('grants a single job what it wants, as far as there are slots', async () => {
    const { ask } = fleetOf(6);
    expect([await ask('a', 4), await ask('a', 9)]).toEqual([4, 6]);
  });

  test('shares among all jobs that request, and wakes the jobs whose grants changed', async () => {
    const { ask, changed } = fleetOf(6);
    expect(await ask('a', 9)).toBe(6);
    expect(await ask('b', 9)).toBe(3);
    expect(changed).toEqual(['a']);
    expect(await ask('a', 9)).toBe(3);
    expect(await ask('c', 9, 2)).toBe(3);
    expect(changed).toEqual(['a', 'a', 'b']);
  });

  test('makes no allocation when nothing changed', async () => {
    const { ask, shares } = fleetOf(6);
    await ask('a', 9);
    await ask('a', 9);
    expect(shares()).toBe(1);
    await ask('a', 8);
    expect(shares()).toBe(2);
  });

  test('makes one when slots change, and wakes the jobs that it concerns', async () => {
    const { ask, fleet, machine, changed, shares } = fleetOf(6);
    fleet.slotsChanged();
    expect(shares()).toBe(0);
    await ask('a', 9);
    await ask('b', 1);
    changed.length = 0;
    machine.slots = 4;
    fleet.slotsChanged();
    expect(changed).toEqual(['a']);
    expect([await ask('a', 9), await ask('b', 1)]).toEqual([3, 1]);
  });

  test('gives the slots of a job that is gone to the others', async () => {
    const { ask, fleet, changed } = fleetOf(6);
    await ask('a', 9);
    await ask('b', 9);
    changed.length = 0;
    fleet.forget('a');
    expect(changed).toEqual(['b']);
    expect(await ask('b', 9)).toBe(6);
    fleet.forget('never seen');
    expect(changed).toEqual(['b']);
  });

  test('counts a teacher that was bound since its job made its request', async () => {
    const { ask, fleet, teachers } = fleetOf(4);
    await ask('a', 3);
    teachers.set('a', running('a-0', 'a-1', 'a-2'));
    fleet.slotsChanged();
    const [grant] = await fleet.grantsFor(keyOf('a'), claimed('a', 3));
    expect(grant).toMatchObject({ replicas: 3, due: 3, leave: [] });
  });

  test('leaves the reserve free, and counts all slots', async () => {
    const { ask, fleet } = fleetOf(10, { [slotResource]: { percent: 25 } });
    expect(await ask('a', 99)).toBe(7);
    expect(fleet.totals()).toEqual([{ resource: slotResource, free: 10, reserved: 3, granted: 7, pending: 0 }]);
  });

  test('counts what pending pods of higher priority need', async () => {
    const { ask, fleet, machine } = fleetOf(10);
    const pod = (uid: string, slots: number) => {
      return { uid, needs: oneSlot, priority: 0, createdAtMs: 0, slots: { [slotResource]: slots } };
    };
    machine.pendingPods = [pod('x', 2), pod('y', 1)];
    await ask('a', 1);
    expect(fleet.totals()).toMatchObject([{ resource: slotResource, pending: 3 }]);
  });

  test('shares between namespaces by their weights, and so does its saved snapshot', async () => {
    const { ask, fleet } = fleetOf(8, {}, { heavy: 3 });
    await ask('a', 9);
    await fleet.grantsFor({ ...keyOf('b'), namespace: 'heavy' }, { ...claimed('b', 9), namespace: 'heavy' });
    expect(await ask('a', 9)).toBe(2);
    const saved: unknown = JSON.parse(JSON.stringify(fleet.snapshot()));
    const { grants } = replay(saved as ReturnType<Fleet['snapshot']>);
    expect([...grants].map(([uid, [grant]]) => [uid, grant?.due])).toEqual([
      ['a', 2],
      ['b', 6],
    ]);
  });

  test('makes the same allocation from a saved snapshot', async () => {
    const { ask, fleet, teachers } = fleetOf(5);
    await ask('a', 3);
    await ask('b', 9);
    teachers.set('a', running('a-0'));
    const saved: unknown = JSON.parse(JSON.stringify(fleet.snapshot()));
    const { grants } = replay(saved as ReturnType<Fleet['snapshot']>);
    expect([...grants].map(([uid, [grant]]) => [uid, grant?.due])).toEqual([
      ['a', 3],
      ['b', 2],
    ]);
  });
});

describe('a fleet whose allocation takes long', () => {
  test('pauses nine times as long, then allocates once for all changes', async () => {
    const clock = new FakeClock(0);
    const changed: string[] = [];
    let spentMs = 0;
    let shares = 0;
    const fleet = new Fleet({
      slots: () => {
        spentMs += 100;
        return machineSlots(6, 0, []);
      },
      rules: { reserve: {}, namespaceWeights: {} },
      clock,
      monotonicMs: () => clock.now() + spentMs,
      wake: { part: (uid) => void changed.push(uid) },
      allocated: () => {
        shares += 1;
      },
    });
    const ask = async (uid: string) => (await fleet.grantsFor(keyOf(uid), claimed(uid, 9))).map(({ due }) => due);
    expect(await ask('a')).toEqual([6]);
    const others = Promise.all([ask('b'), ask('c')]);
    await clock.advance(899);
    expect([shares, changed]).toEqual([1, []]);
    await clock.advance(1);
    // Their first reconcile already gets their grants.
    expect(await others).toEqual([[2], [2]]);
    expect([shares, changed]).toEqual([2, ['a', 'b', 'c']]);
    expect(await ask('a')).toEqual([2]);
    const last = ask('d');
    fleet.stop();
    expect(await last).toEqual([]);
    await clock.advance(10_000);
    expect(shares).toBe(2);
  });
});
