/** Teachers lost: each at most once, and none that was asked to go. */
import { describe, expect, test } from '@jest/globals';

import { TeacherTally } from '../../../../../src/cluster/kubernetes/cache/teacher-tally.js';
import { podView } from '../../../../../src/cluster/kubernetes/cache/pod-view.js';
import { type PodMaker, strangerPod, studentPod, teacherPod } from '../../../../kit/kubernetes-objects.js';

/** What the watch brings of one pod, in order; null = it is gone. */
type Life = readonly (PodMaker | null)[];

function lostIn(life: Life, surplus = false, tally = new TeacherTally(0)): number {
  const views = life.map((pod) => (pod === null ? null : podView(pod.raw)));
  for (let at = 1; at < views.length; at++) tally.note(views[at - 1]!, views[at]!, surplus);
  return tally.lostOf('cpu', ['cpu']);
}

const made = teacherPod('cpu-0');
const ready = made.ready();
const leaving = ready.terminating();
const error = { exitCode: 1, message: 'no memory', at: -5 };

describe('a teacher', () => {
  test.each<[string, Life, number]>([
    ['that is made and gets ready is not lost', [null, made, made.bound(), made.running(), ready], 0],
    ['that was deleted is, once, however long it takes', [null, made, ready, leaving, leaving, null], 1],
    ['that vanished between two looks is', [ready, null], 1],
    ['that vanished before it was on any node is', [made, null], 1],
    ['that was evicted by its kubelet is, once', [ready, made.evicted(), made.evicted().terminating(), null], 1],
    [
      'whose node is drained is, once',
      [ready, ready.disrupted('EvictionByEvictionAPI'), leaving.disrupted('EvictionByEvictionAPI'), null],
      1,
    ],
    [
      'whose disruption was called off is, once, although it goes later',
      [ready, ready.disrupted('EvictionByEvictionAPI'), ready, leaving, null],
      1,
    ],
    ['that a pod of higher priority put out is', [ready, leaving.disrupted('PreemptionByScheduler'), null], 1],
    ['whose container ended is, and it is the same teacher that comes back', [ready, made.crashed(error, 1), ready], 1],
    [
      'that fails again and again is, each time',
      [ready, made.crashed(error, 1), made.restarted(error, 1), made.crashed(error, 2), made.crashed(error, 3)],
      3,
    ],
    ['that failed several times between two looks is as often', [ready, made.crashed(error, 4)], 4],
    [
      'that fails and is deleted then is, twice',
      [ready, made.crashed(error, 1), made.crashed(error, 1).terminating(), null],
      2,
    ],
    ['that fails on its way out is, once', [ready, leaving, made.crashed(error, 1).terminating(), null], 1],
    ['that was leaving when we came was counted by others', [leaving, leaving, null], 0],
    [
      'that was disrupted when we came was, too',
      [ready.disrupted('EvictionByEvictionAPI'), leaving.disrupted('EvictionByEvictionAPI'), null],
      0,
    ],
    ['that has ended when we came was, too', [made.evicted(), null], 0],
    ['that changes in nothing that matters is not', [ready, ready, ready], 0],
  ])('%s', (_what, life, want) => {
    expect(lostIn(life)).toBe(want);
  });

  test.each<[string, Life, number]>([
    ['that goes was asked to', [ready, leaving, null], 0],
    ['that vanished was asked to', [ready, null], 0],
    ['that is evicted is lost all the same', [ready, made.evicted(), null], 1],
    ['whose container ends is, too', [ready, made.crashed(error)], 1],
  ])('of a pool that has more than it should, %s', (_what, life, want) => {
    expect(lostIn(life, true)).toBe(want);
  });

  test('that comes back under its name is another', () => {
    const other = ready.uid('uid-other');
    const tally = new TeacherTally(0);
    lostIn([ready, leaving, null], false, tally);
    expect(lostIn([null, other, other.terminating(), null], false, tally)).toBe(2);
  });
});

test('students and the pods of others are not counted', () => {
  expect(lostIn([studentPod().running(), studentPod().evicted(), null])).toBe(0);
  expect(lostIn([strangerPod('web').ready(), null])).toBe(0);
});

describe('what was lost', () => {
  const tally = (base: number): TeacherTally => {
    const counting = new TeacherTally(base);
    for (const name of ['cpu-0', 'cpu-1', 'spot-0']) counting.note(podView(teacherPod(name).ready().raw), null, false);
    return counting;
  };

  test('is kept by pool, and the base counts for the first pool', () => {
    const pools = ['cpu', 'spot', 'dear'];
    expect(pools.map((pool) => tally(10).lostOf(pool, pools))).toEqual([12, 1, 0]);
  });

  test.each<[string, readonly string[]]>([
    ['their order changes', ['spot', 'cpu']],
    ['one is added', ['new', 'cpu', 'spot']],
    ['one is taken away', ['spot']],
    ['all are others', ['new']],
  ])('is as much in all when %s', (_what, pools) => {
    expect(pools.reduce((sum, pool) => sum + tally(10).lostOf(pool, pools), 0)).toBe(13);
  });
});
