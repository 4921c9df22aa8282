/** The one job of a local run: its status lies in a file that is always whole. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import type { EventDraft } from '../../../src/api/index.js';
import { LocalJobs } from '../../../src/cluster/local/index.js';
import { plainJob } from '../../kit/snapshots.js';

const key = { namespace: 'default', name: 'mnist', uid: 'u-1' };
let folder = '';
let recorded: EventDraft[] = [];
let jobs = new LocalJobs('', plainJob(), () => undefined);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'distill-jobs-'));
  recorded = [];
  jobs = new LocalJobs(folder, plainJob(), (events) => recorded.push(...events));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the job of a local run', () => {
  test('is found by its uid', async () => {
    expect(await jobs.get(key)).toEqual({ kind: 'Valid', job: plainJob() });
    expect(await jobs.get({ ...key, uid: 'u-2' })).toBeNull();
  });

  test('has the status that was written last, in memory and in the file', async () => {
    await jobs.writeStatus(key, { phase: 'Pending' });
    await jobs.writeStatus(key, { phase: 'Running', attempts: 1 });
    expect(await jobs.get(key)).toMatchObject({ job: { status: { phase: 'Running', attempts: 1 } } });
    expect(JSON.parse(readFileSync(join(folder, 'status.json'), 'utf8'))).toEqual({ phase: 'Running', attempts: 1 });
    expect(readdirSync(folder)).toEqual(['status.json']);
  });

  test('keeps its old status when the new one cannot be written, so that the next reconcile writes it', async () => {
    await jobs.writeStatus(key, { phase: 'Pending' });
    rmSync(join(folder, 'status.json'));
    mkdirSync(join(folder, 'status.json'));
    await expect(jobs.writeStatus(key, { phase: 'Running' })).rejects.toThrow('EISDIR');
    expect(await jobs.get(key)).toMatchObject({ job: { status: { phase: 'Pending' } } });
  });

  test('reports its events in order', async () => {
    const events: EventDraft[] = ['a', 'b'].map((reason) => ({ type: 'Normal', reason, message: reason }));
    await jobs.recordEvents(key, events);
    expect(recorded).toEqual(events);
  });
});
