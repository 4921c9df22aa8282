/** A small checkpoint and a store in memory, for the tests of this room. */
import type { Checkpoint, CheckpointEntry, CheckpointStore } from '../../../workers/checkpoint/index.js';
import { newestFirst, StoreError } from '../../../workers/checkpoint/index.js';

export const small: Checkpoint = {
  jobUid: 'job-1',
  attempt: 3,
  step: 400,
  seed: 7,
  optimizer: 'adam',
  firstNeededSequence: 812,
  metrics: { loss: [0.5, 0.25], note: 'é' },
  state: {
    weights: [
      { name: 'dense/kernel', shape: [2, 3], data: Float32Array.of(1, -2, 3.5, -0, 1e-40, 0.1) },
      { name: 'dense/bias', shape: [3], data: Float32Array.of(0, 0, 5) },
    ],
    slots: [
      { name: 'dense/bias', shape: [3], data: Float32Array.of(9, 8, 7) },
      { name: 'count', shape: [], data: Float32Array.of(400) },
      { name: 'none', shape: [0, 4], data: new Float32Array(0) },
    ],
  },
};

/** A fence that holds. */
export const unbroken = (): Promise<void> => Promise.resolve();

type Key = Pick<CheckpointEntry, 'step' | 'attempt'>;

/** A store that keeps the contract in memory; `contents` may be damaged by the test. */
export function memoryStore(): CheckpointStore & { readonly contents: Map<string, Uint8Array> } {
  const contents = new Map<string, Uint8Array>();
  const list = (): readonly CheckpointEntry[] =>
    [...contents]
      .map(([key, bytes]) => {
        const [step = 0, attempt = 0] = key.split('/').map(Number);
        return { step, attempt, bytes: bytes.length };
      })
      .sort(newestFirst);
  const keyOf = ({ step, attempt }: Key): string => `${step}/${attempt}`;
  return {
    contents,
    put: async (step, attempt, bytes, fence) => {
      await fence();
      contents.set(keyOf({ step, attempt }), bytes);
    },
    list: () => Promise.resolve(list()),
    get: (entry) => {
      const bytes = contents.get(keyOf(entry));
      return bytes === undefined
        ? Promise.reject(new StoreError('missing', keyOf(entry), { problem: 'found nothing', remedy: '' }))
        : Promise.resolve(bytes);
    },
    remove: (entry) => Promise.resolve(void contents.delete(keyOf(entry))),
    sweep: () => Promise.resolve(),
  };
}
