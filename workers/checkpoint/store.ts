/** Where checkpoints are kept, whatever the medium, and how the newest sound one is found. */
import { CheckpointError, StoreError } from './errors.js';

export interface CheckpointEntry {
  /** Next step to train. */
  readonly step: number;
  /** Fencing number of the writer. */
  readonly attempt: number;
  readonly bytes: number;
}

/** Every method throws StoreError. */
export interface CheckpointStore {
  /** Stored whole or not at all, and lasting once this resolves; the same (step, attempt) again replaces it. */
  put(step: number, attempt: number, bytes: Uint8Array): Promise<void>;
  /** Newest first: by step, then by attempt. */
  list(): Promise<readonly CheckpointEntry[]>;
  get(entry: CheckpointEntry): Promise<Uint8Array>;
  /** Removes what `surplus` names. */
  prune(keep: number): Promise<void>;
}

/** The order of `list`. */
export function newestFirst(a: CheckpointEntry, b: CheckpointEntry): number {
  return b.step - a.step || b.attempt - a.attempt;
}

/**
 * Entries that need not be kept: all but the newest attempt of each of the newest `keep` steps. An older attempt's
 * checkpoint of the same step never counts, since it may be the damaged one that was trained over.
 */
export function surplus(entries: readonly CheckpointEntry[], keep: number): readonly CheckpointEntry[] {
  const kept = new Set<number>();
  return [...entries].sort(newestFirst).filter(({ step }) => {
    if (kept.has(step) || kept.size >= keep) return true;
    kept.add(step);
    return false;
  });
}

interface SkippedCheckpoint {
  readonly entry: CheckpointEntry;
  readonly error: CheckpointError | StoreError;
}

interface Loaded<T> {
  /** Null when the store has no sound checkpoint. */
  readonly newest: { readonly entry: CheckpointEntry; readonly checkpoint: T } | null;
  /** Newer ones that were passed over, newest first, to be told to the person. */
  readonly skipped: readonly SkippedCheckpoint[];
}

/**
 * The newest checkpoint that decodes. A damaged or vanished one costs the steps since the one before; what a person
 * has to decide (another job's or another version's checkpoint, a store that cannot be read) is thrown.
 * @throws CheckpointError, StoreError
 */
export async function loadNewest<T>(store: CheckpointStore, decode: (bytes: Uint8Array) => T): Promise<Loaded<T>> {
  const skipped: SkippedCheckpoint[] = [];
  for (const entry of await store.list()) {
    try {
      return { newest: { entry, checkpoint: decode(await store.get(entry)) }, skipped };
    } catch (error) {
      if (!isPassable(error)) throw error;
      skipped.push({ entry, error });
    }
  }
  return { newest: null, skipped };
}

function isPassable(error: unknown): error is CheckpointError | StoreError {
  if (error instanceof StoreError) return error.kind === 'missing' || error.kind === 'unreadable';
  return error instanceof CheckpointError && error.kind !== 'otherJob' && error.kind !== 'version';
}
