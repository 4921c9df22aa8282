/** `distill simulate` between files and a table. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { simulate, type SimulateOptions } from '../../../../src/cli/offline/simulate.js';
import { readInputOf } from '../shared/inputs.js';
import { progressLine } from '../../../../src/cli/offline/progress-line.js';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'distill-simulate-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function file(name: string, content: string): string {
  const path = join(home, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
}

const smallDay = JSON.stringify({
  hours: 2,
  cluster: { nodes: 4 },
  jobs: { count: 3, fromHour: 0, untilHour: 1, teachersNeeded: [2, 4], medianSeconds: 300 },
});

async function simulated(
  options: Partial<SimulateOptions>,
  stop = new AbortController(),
): Promise<{ readonly lines: readonly string[]; readonly progress: readonly string[] }> {
  const lines: string[] = [];
  const progress: string[] = [];
  const defaults: SimulateOptions = { trace: [], policy: ['fixed', 'distillery'], seed: 1, json: false };
  const tools = {
    say: (line: string) => void lines.push(line),
    progress: (line: string) => void progress.push(line),
    readInput: readInputOf(),
    stop: stop.signal,
  };
  await simulate({ ...defaults, ...options }, tools);
  return { lines, progress };
}

describe('a file of parameters', () => {
  test('gives a row for each policy and says which goals were met', async () => {
    const { lines } = await simulated({ trace: [file('day.json', smallDay)] });
    const [size, table, ...goals] = lines;
    expect(size).toMatch(/^4 nodes with 32 slots, \d+ pods of neighbors, 3 distillation jobs$/);
    expect(
      table
        ?.split('\n')
        .slice(2)
        .map((row) => row.split('|')[1]?.trim()),
    ).toEqual(['fixed 16', 'distillery']);
    expect(goals).toHaveLength(3);
    for (const goal of goals) expect(goal).toMatch(/^(met|MISSED): /);
  });

  test('gives one object for machines, the same every time', async () => {
    const options = { trace: [file('day.json', smallDay)], json: true, seed: 3 };
    const [first, second] = [await simulated(options), await simulated(options)];
    expect(first.lines).toHaveLength(1);
    expect(first.lines).toEqual(second.lines);
    const answer = JSON.parse(first.lines[0]!) as { rows: { jobsDone: number }[]; trace: object; seed: number };
    expect(answer).toMatchObject({ seed: 3, trace: { nodes: 4, slots: 32, jobs: 3 } });
    expect(answer.rows.map(({ jobsDone }) => jobsDone)).toEqual([3, 3]);
  });
});

describe('a log', () => {
  const nodes = 'sn,cpu_milli,memory_mib,gpu,model\na,1,1,4,T4\nb,1,1,4,T4\n';
  const pods =
    'name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n' +
    'p,1,1,2,1000,,LS,Running,100,900,100\nq,1,1,0,0,,LS,Running,100,900,100\n';

  test('is a folder with one list of each', async () => {
    file('log/some_node_list_1.csv', nodes);
    file('log/some_pod_list_1.csv', pods);
    const { lines } = await simulated({ trace: [join(home, 'log')], parameters: file('day.json', smallDay) });
    expect(lines[0]).toBe('2 nodes with 8 slots, 1 pods of neighbors, 3 distillation jobs');
    expect(lines.slice(1, 3)).toEqual([
      'from second 100 of the log on, 2 h',
      'left out: 1 pod without accelerators: q',
    ]);
  });

  test('names a few of the pods that no node can hold', async () => {
    const odd = Array.from({ length: 12 }, (_, index) => `x${index},1,1,1,1000,None,LS,Running,100,900,100`);
    file('log/some_node_list_1.csv', nodes);
    file('log/some_pod_list_1.csv', `${pods}${odd.join('\n')}\n`);
    const options = { trace: [join(home, 'log')], parameters: file('day.json', smallDay) };
    const { lines } = await simulated(options);
    expect(lines[3]).toBe(
      'left out: 12 pods that no node of the list can hold, by their models or their slots: ' +
        'x0, x1, x2, x3, x4, x5, x6, x7, x8, x9 and 2 more',
    );
    const { lines: json } = await simulated({ ...options, json: true });
    expect(JSON.parse(json[0]!)).toMatchObject({
      leftOut: [
        { why: 'WithoutAccelerator', count: 1 },
        { why: 'NoNodeHoldsIt', count: 12 },
      ],
    });
  });

  test('is two files of any name', async () => {
    const trace = [file('n', nodes), file('p', pods)];
    await expect(simulated({ trace, parameters: file('day.json', smallDay) })).resolves.toBeDefined();
  });
});

describe('what cannot be simulated', () => {
  test.each<[string, () => Partial<SimulateOptions>, string, string]>([
    ['an unknown policy', () => ({ policy: ['best'] }), 'usage', '--policy: found best, expected some of fixed,'],
    ['three files', () => ({ trace: ['a', 'b', 'c'] }), 'usage', 'found 3 files'],
    [
      'no file',
      () => ({ trace: [join(home, 'none')] }),
      'badInput',
      'none: found nothing, expected a file. Check the path',
    ],
    ['a wrong field', () => ({ trace: [file('x', '{"hours": 0}')] }), 'badInput', 'x:1:11: found hours as 0'],
    ['an empty folder', () => ({ trace: [home] }), 'badInput', 'found none, expected one *node_list*.csv'],
    [
      'a folder with several lists',
      () => {
        file('a_node_list.csv', '');
        file('b_node_list.csv', '');
        return { trace: [home] };
      },
      'badInput',
      'found a_node_list.csv, b_node_list.csv, expected one',
    ],
  ])('%s', async (_, options, reason, message) => {
    const running = simulated(options());
    await expect(running).rejects.toMatchObject({ reason });
    await expect(running).rejects.toThrow(message);
  });

  test('ends without a result at a stop', async () => {
    const stop = new AbortController();
    stop.abort();
    const { lines } = await simulated({ trace: [] }, stop);
    expect(lines.filter((line) => line.startsWith('|'))).toEqual([]);
  });
});

describe('a line of progress', () => {
  test('is overwritten on a terminal, and moves out of the way of lines that stay', () => {
    let [text, nowMs] = ['', 0];
    const terminal = { isTTY: true, write: (written: string) => ((text += written), true) };
    const line = progressLine(terminal, () => nowMs);
    line.replace('one');
    line.replace('too soon');
    nowMs = 500;
    line.replace('two');
    line.keep('done');
    expect(text).toBe('\r\x1b[Kone\r\x1b[Ktwo\r\x1b[Kdone\n');
  });

  test('is not shown elsewhere', () => {
    let text = '';
    const line = progressLine({ write: (written) => ((text += written), true) }, () => 0);
    line.replace('one');
    line.keep('done');
    expect(text).toBe('done\n');
  });
});
