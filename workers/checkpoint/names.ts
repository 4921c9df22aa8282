/** Names of checkpoints as files of a folder and as objects of a bucket: one may be copied to the other. Pure. */
import type { CheckpointKey } from './store.js';

const namePattern = /^step-(\d{10})-attempt-(\d{1,15})\.ckpt$/;

export function checkpointFile({ step, attempt }: CheckpointKey): string {
  return `step-${String(step).padStart(10, '0')}-attempt-${String(attempt)}.ckpt`;
}

/** Null for a file that is no checkpoint. */
export function checkpointIn(name: string): CheckpointKey | null {
  const parts = namePattern.exec(name);
  return parts === null ? null : { step: Number(parts[1]), attempt: Number(parts[2]) };
}
