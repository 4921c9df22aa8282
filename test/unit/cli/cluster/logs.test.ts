/** `distill logs`: lines of several processes in the order of their times. */
import { describe, expect, test } from '@jest/globals';

import { LogMerge, timedLine } from '../../../../src/cli/cluster/log-merge.js';
import { logs, type LogsOptions } from '../../../../src/cli/cluster/logs.js';
import { fakeClusterReader, forbidden, notStarted, type SeenObjects } from '../../../kit/cluster-reader.js';
import { studentPod, teacherPod } from '../../../kit/kubernetes-objects.js';
import { JobMaker, noonMs } from '../../../kit/snapshots.js';

const at = (second: number, text: string): string => `2026-11-24T12:00:${String(second).padStart(2, '0')}.5Z ${text}`;

const seen: SeenObjects = {
  jobs: [new JobMaker().job],
  pods: [
    studentPod().on('b').ready().raw,
    teacherPod('gpu-0').on('a').ready().raw,
    teacherPod('cpu-0').on('a').ready().raw,
  ],
  logs: {
    'mnist-student-a': [at(1, 'one'), at(4, 'four'), at(5, 'five')],
    'mnist-teacher-gpu-0': [at(2, 'two'), at(3, 'three')],
    'mnist-teacher-cpu-0': [at(6, 'six')],
  },
};

const over: SeenObjects = {
  ...seen,
  jobs: [new JobMaker().status({ phase: 'Succeeded' }).job],
};

/** @param ending how it ends; absent = by the stop when it follows, else by itself */
async function said(
  objects: SeenObjects,
  options: Partial<LogsOptions> = {},
  ending: 'stopped' | 'itself' = options.follow === true ? 'stopped' : 'itself',
): Promise<string[]> {
  const lines: string[] = [];
  const stop = new AbortController();
  let turns = 0;
  const reading = logs(
    { job: 'mnist', namespace: 'default', follow: false, previous: false, ...options },
    {
      cluster: fakeClusterReader(objects),
      kubectlOptions: [],
      say: (line) => lines.push(line),
      clock: {
        now: () => noonMs + 60_000,
        sleep: async () => {
          turns += 1;
          if (turns > 20) stop.abort();
          await new Promise(setImmediate);
        },
      },
      stop: stop.signal,
    },
  );
  await (ending === 'stopped' ? expect(reading).rejects.toThrow('aborted') : reading);
  return lines;
}

describe('the logs of a job', () => {
  test('are merged by time, each line with its pod', async () => {
    const lines = await said(seen);
    expect(lines.map((line) => line.split('  ')[1])).toEqual(['one', 'two', 'three', 'four', 'five', 'six']);
    expect(lines[0]).toBe('mnist-student-a  one');
  });

  test('are those of a role or a pool', async () => {
    expect(await said(seen, { role: 'student' })).toHaveLength(3);
    expect(await said(seen, { pool: 'cpu' })).toEqual(['mnist-teacher-cpu-0  six']);
    await expect(said(seen, { pool: 'tpu' })).rejects.toThrow(
      'job default/mnist: found no pool "tpu", expected --pool with one of cpu. Name the pool.',
    );
    await expect(said({ ...seen, pods: [] }, { pool: 'cpu' })).rejects.toThrow('it has no teacher of pool cpu now.');
  });

  test('are followed until the stop, with processes that come later', async () => {
    const lines = await said(seen, { follow: true });
    expect(lines.map((line) => line.split('  ')[1])).toEqual(['one', 'two', 'three', 'four', 'five', 'six']);
  });

  test('end with the job, also when they are followed', async () => {
    expect(await said(over, { follow: true }, 'itself')).toHaveLength(6);
    await expect(said({ ...over, pods: [] }, { follow: true }, 'itself')).rejects.toThrow('it has no process now');
  });

  test('are followed from the start of a container that is still being created', async () => {
    const logs = { 'mnist-teacher-cpu-0': [[notStarted()], [at(6, 'six')]] };
    expect(await said({ ...seen, logs }, { follow: true })).toEqual(['mnist-teacher-cpu-0  six']);
    await expect(said({ ...seen, pods: [teacherPod('cpu-0').on('a').raw], logs })).rejects.toThrow(
      'none of its processes has started yet',
    );
  });

  test('go on with the container that follows one, without a line twice', async () => {
    const logs = {
      'mnist-teacher-cpu-0': [
        [at(1, 'one'), at(2, 'two')],
        [at(2, 'two'), at(3, 'three')],
      ],
    };
    const lines = await said({ ...seen, logs }, { follow: true });
    expect(lines.map((line) => line.split('  ')[1])).toEqual(['one', 'two', 'three']);
  });

  test('that may not be read are refused with the right that is missing', async () => {
    const objects = { ...seen, logs: { ...seen.logs, 'mnist-student-a': [forbidden('pods/log')] } };
    await expect(said(objects)).rejects.toThrow('cannot list resource "pods/log"');
  });
});

describe('a merge', () => {
  test('holds a line back while an open log may have an earlier one', () => {
    const merge = new LogMerge();
    const [a, b] = [merge.open(), merge.open()];
    a.add(timedLine('a', at(2, 'two')));
    expect(merge.complete()).toEqual([]);
    b.add(timedLine('b', at(1, 'one')));
    expect(merge.complete().map(({ text }) => text)).toEqual(['one']);
    b.close();
    expect(merge.complete().map(({ text }) => text)).toEqual(['two']);
  });

  test('refuses lines of a log that is far ahead', () => {
    const a = new LogMerge().open();
    const taken = Array.from({ length: 3_000 }, () => a.add(timedLine('a', at(1, 'x')))).filter(
      (what) => what === 'taken',
    );
    expect(taken).toHaveLength(2_000);
  });

  test('compares times whose fractions have different lengths', () => {
    const times = ['2026-11-24T12:00:00Z', '2026-11-24T12:00:00.000000001Z', '2026-11-24T12:00:00.1Z'];
    const read = times.map((time) => timedLine('a', `${time} x`).time);
    expect(read.toSorted()).toEqual(read);
  });
});
