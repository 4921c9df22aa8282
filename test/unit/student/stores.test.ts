/** Results as files of a folder that the person chose: whose they are, and what else lies there. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { StoreError } from '../../../workers/checkpoint/index.js';
import { WorkerError } from '../../../workers/base/exit.js';
import { ObjectStore } from '../../../workers/stream/index.js';
import { objectResults, openFileResults } from '../../../workers/student/stores.js';
import { ObjectServer } from '../../kit/object-server.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'distill-results-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const bytes = new TextEncoder().encode('new');
const textOf = (name: string): string => readFileSync(join(folder, name), 'utf8');

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof WorkerError)) throw new Error(`found ${String(error)}, expected a WorkerError`);
  expect(error.reason).toBe('terminal');
  return error.message;
}

const holds = (): Promise<void> => Promise.resolve();

describe('results in the object store', () => {
  test('are removed after the fence has held, and never in place of those of a newer attempt', async () => {
    const objects = new ObjectStore(new ObjectServer().port(), 'B');
    const [older, newer] = [objectResults(objects, 1), objectResults(objects, 2)];
    const stored = async (): Promise<string | null> => {
      const found = await objects.get('result/model.onnx');
      return found === null ? null : new TextDecoder().decode(found);
    };
    await older.put('model.onnx', new TextEncoder().encode('old'), holds);
    const broken = new Error('fenced');
    await expect(older.remove('model.onnx', () => Promise.reject(broken))).rejects.toBe(broken);
    expect(await stored()).toBe('old');
    await older.remove('model.onnx', () => newer.put('model.onnx', bytes, holds));
    expect(await stored()).toBe('new');
    for (let times = 0; times < 2; times++) await newer.remove('model.onnx', holds);
    expect(await stored()).toBeNull();
  });
});

describe('a folder for results', () => {
  test('is created when it does not exist, and holds each file whole', async () => {
    const store = await openFileResults(join(folder, 'a', 'b'), 'job-1');
    await store.put('model.json', bytes, holds);
    expect(readdirSync(join(folder, 'a', 'b')).sort()).toEqual(['.distillery', 'model.json']);
  });

  test('keeps its other files', async () => {
    writeFileSync(join(folder, 'data.csv'), 'mine');
    const store = await openFileResults(folder, 'job-1');
    await store.put('weights.bin', bytes, holds);
    expect(textOf('data.csv')).toBe('mine');
  });

  test('removes a result after the fence has held, and one that is not there, too', async () => {
    const store = await openFileResults(folder, 'job-1');
    await store.put('model.onnx', bytes, holds);
    const broken = new Error('fenced');
    await expect(store.remove('model.onnx', () => Promise.reject(broken))).rejects.toBe(broken);
    expect(textOf('model.onnx')).toBe('new');
    for (let times = 0; times < 2; times++) await store.remove('model.onnx', holds);
    expect(readdirSync(folder)).toEqual(['.distillery']);
  });

  test('accepts the result of the next attempt of its job', async () => {
    await (await openFileResults(folder, 'job-1')).put('model.json', new Uint8Array(9), holds);
    await (await openFileResults(folder, 'job-1')).put('model.json', bytes, holds);
    expect(textOf('model.json')).toBe('new');
  });

  test.each(['model.json', 'weights.bin', 'model.onnx', 'metrics.json', 'SHA256SUMS'])(
    'is refused before the training when it holds a %s of another owner',
    async (name) => {
      writeFileSync(join(folder, name), 'the only copy');
      expect(await refusal(openFileResults(folder, 'job-1'))).toBe(
        `student.output.store: ${join(folder, name)} exists and does not belong to this job. Move it elsewhere, or name another folder.`,
      );
      expect(readdirSync(folder)).toEqual([name]);
      expect(textOf(name)).toBe('the only copy');
    },
  );

  test('is refused to a second job, even before the first has written its result', async () => {
    await openFileResults(folder, 'job-1');
    expect(await refusal(openFileResults(folder, 'job-2'))).toMatch(
      /belongs to another job \(job-1\)\. Name another folder/,
    );
    expect(textOf('.distillery')).toContain('job-1');
  });

  test('keeps nothing half-written of a killed attempt, and every file of others', async () => {
    const store = await openFileResults(folder, 'job-1');
    const others = ['data.csv.7-1.partial', 'notes.partial'];
    for (const name of ['weights.bin.7-1.partial', '.distillery.7-2.partial', ...others]) {
      writeFileSync(join(folder, name), 'half');
    }
    await store.sweep();
    expect(readdirSync(folder).sort()).toEqual(['.distillery', ...others]);
  });

  test('is recognized when a release without marks started to write it', async () => {
    writeFileSync(join(folder, 'model.json'), 'old');
    writeFileSync(join(folder, 'metrics.json'), JSON.stringify({ job: { uid: 'job-1' } }));
    expect(await refusal(openFileResults(folder, 'job-2'))).toContain('does not belong to this job');
    await (await openFileResults(folder, 'job-1')).put('model.json', bytes, holds);
    expect(textOf('model.json')).toBe('new');
  });

  test('that cannot be created is reported', async () => {
    writeFileSync(join(folder, 'file'), '');
    await expect(openFileResults(join(folder, 'file', 'below'), 'job-1')).rejects.toThrow(StoreError);
  });
});
