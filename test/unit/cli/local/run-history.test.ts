/** The history that a run keeps in its folder: across resumptions, damage, full disks and files of others. */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { events } from '../../../../src/api/index.js';
import type { MachineFacts } from '../../../../src/cli/local/doctor.js';
import { RunFolder } from '../../../../src/cli/local/run-folder.js';
import { historyFile, RunHistory } from '../../../../src/cli/local/run-history.js';
import { type History, type HistoryLine, linesOf, readHistory } from '../../../../src/history/index.js';
import { plainJob, SnapshotMaker, training } from '../../../kit/snapshots.js';

let home = '';
let folder: RunFolder;
let file = '';
let nowMs = 1_000_000;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'distill-history-'));
  folder = RunFolder.create(join(home, 'run'), plainJob(), process.pid);
  file = folder.file(historyFile);
  nowMs = 1_000_000;
});
afterEach(() => {
  folder.release();
  rmSync(home, { recursive: true, force: true });
});

const machine: MachineFacts = {
  node: '24.0.0',
  platform: 'linux',
  arch: 'x64',
  cores: 2,
  processor: 'AMD EPYC',
  cpuFlags: new Set(),
  memoryBytes: 1,
  freeBytes: 1,
  namesNats: true,
  programs: new Set(),
  cachedNats: [],
  nativeFolder: '/secret-looking/place',
  nativeBuilt: false,
  cudaBuilt: false,
  hasNvidia: false,
};

const open = (): RunHistory => RunHistory.open(folder, () => nowMs);

function step(history: RunHistory, number: number): void {
  nowMs += 1_000;
  const maker = new SnapshotMaker().reported(training({ step: number, loss: 0.123456789, accuracy: 0.5 }));
  history.decided(maker.snapshot, maker.plan);
}

function read(): History {
  const history = readHistory(readFileSync(file, 'utf8'), 'u-1');
  if (history === null) throw new Error('no history');
  return history;
}
const steps = (history: History): number[] => linesOf(history.lines, 'sample').map((line) => line.step);
const kinds = (history: History): HistoryLine['kind'][] => history.lines.map(({ kind }) => kind);

describe('the history of a run', () => {
  test('has the machine, what was decided, what happened, and the end', () => {
    const history = open();
    history.started(machine, 2, '2.14.5');
    step(history, 10);
    history.events([events.teacherFailed('out of memory')]);
    step(history, 20);
    history.ended('complete');
    history.teacherMeasured({ accuracy: 0.99, metrics: { accuracy: 0.99 } });
    const found = read();
    expect(kinds(found).filter((kind) => kind !== 'runtime')).toEqual([
      'start',
      'teachers',
      'sample',
      'event',
      'sample',
      'end',
      'scores',
    ]);
    expect(linesOf(found.lines, 'start')[0]).toMatchObject({ node: '24.0.0', nats: '2.14.5', slots: 2 });
    expect(linesOf(found.lines, 'sample')[0]).toMatchObject({ step: 10, loss: 0.123457, metrics: { accuracy: 0.5 } });
    expect(linesOf(found.lines, 'event')[0]).toMatchObject({ step: 10, reason: 'TeacherFailed', severity: 'Warning' });
    expect(readFileSync(file, 'utf8')).not.toContain('secret-looking');
  });

  test('has one sample an interval, and the last one', () => {
    const history = open();
    step(history, 1);
    nowMs -= 900;
    step(history, 2);
    nowMs -= 900;
    step(history, 3);
    expect(steps(read())).toEqual([1]);
    history.ended('stopped');
    expect(steps(read())).toEqual([1, 3]);
  });

  test('continues when the run is resumed, also after a kill that left half a line', () => {
    const first = open();
    step(first, 1);
    step(first, 2);
    appendFileSync(file, '{"kind":"sample","t":1');
    const second = open();
    step(second, 3);
    const found = read();
    expect(steps(found)).toEqual([1, 2, 3]);
    expect(found.damaged).toBe(0);
  });

  test('doubles its interval instead of growing', () => {
    const history = open();
    for (let number = 0; number < 1_200; number++) step(history, number);
    const found = read();
    expect(found.head.intervalMs).toBe(2_000);
    expect(steps(found).length).toBeLessThanOrEqual(1_024);
    expect(steps(found)[0]).toBe(0);
  });

  test('begins again for another job of the same folder', () => {
    const history = open();
    step(history, 1);
    writeFileSync(file, readFileSync(file, 'utf8').replace('"u-1"', '"u-0"'));
    step(open(), 2);
    expect(steps(read())).toEqual([2]);
  });

  test.each(['my own notes\n', '{"kind":"head"}\n', ''])('leaves a file that no run wrote as it is: %j', (content) => {
    writeFileSync(file, content);
    step(open(), 1);
    expect(readFileSync(file, 'utf8')).toBe(content);
  });

  test('fails no run: what could not be written follows later', () => {
    const history = open();
    step(history, 1);
    rmSync(file);
    mkdirSync(file);
    step(history, 2);
    rmSync(file, { recursive: true });
    step(history, 3);
    expect(steps(read())).toEqual([1, 2, 3]);
    expect(existsSync(file)).toBe(true);
  });
});
