/** The port to the place where checkpoints are kept, which of them may be removed, and how the newest sound one is found. */
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
  /**
   * Stores a checkpoint whole or not at all; it is durable once this resolves. It replaces one of the same step and attempt.
   * @param fence is awaited before the checkpoint becomes visible; when it throws, that is thrown and nothing is visible
   */
  put(step: number, attempt: number, bytes: Uint8Array, fence: () => Promise<void>): Promise<void>;
  /** Returns all checkpoints, newest first: by step, then by attempt. */
  list(): Promise<readonly CheckpointEntry[]>;
  get(entry: CheckpointEntry): Promise<Uint8Array>;
  /** Removes a checkpoint; does nothing when it does not exist. */
  remove(entry: CheckpointKey): Promise<void>;
  /** Removes what earlier attempts left half-written, and nothing of this or a later attempt. */
  sweep(attempt: number): Promise<void>;
}

export type CheckpointKey = Pick<CheckpointEntry, 'step' | 'attempt'>;

/** The order of `list`. */
export function newestFirst(a: CheckpointKey, b: CheckpointKey): number {
  return b.step - a.step || b.attempt - a.attempt;
}

/** What an attempt knows when it removes checkpoints. */
export interface Keeping {
  /** Steps to keep, each by its newest attempt; at least 1. */
  readonly keep: number;
  readonly attempt: number;
  /** Checkpoints that this attempt loaded, or stored and read back. While it is empty, nothing is removed. */
  readonly sound: readonly CheckpointKey[];
}

/**
 * Returns the entries that need not be kept. The newest `keep` steps that are known to be sound are kept; when there are
 * fewer, the newest older ones too. An entry that is listed and not known to be sound is one of these:
 *  - of a newer attempt: this attempt is fenced, and nothing is surplus;
 *  - newer than all sound ones, or of the step of one: damaged and passed over, or finished by an older attempt that is
 *    fenced. This attempt trains that step again, so the entry is surplus and never replaces a sound one;
 *  - older: it may be damaged, so it is kept only when there are fewer than `keep` sound ones.
 */
export function surplus(
  entries: readonly CheckpointEntry[],
  { keep, attempt, sound }: Keeping,
): readonly CheckpointEntry[] {
  if (sound.length === 0 || entries.some((entry) => entry.attempt > attempt)) return [];
  const keyOf = (key: CheckpointKey): string => `${String(key.step)}/${String(key.attempt)}`;
  const known = new Set(sound.map(keyOf));
  const sorted = [...entries].sort(newestFirst);
  const soundOnes = sorted.filter((entry) => known.has(keyOf(entry)));
  const newest = soundOnes[0];
  if (newest === undefined) return [];
  const kept = new Map<number, CheckpointEntry>();
  const offer = (entry: CheckpointEntry): void => {
    if (kept.size < Math.max(1, keep) && !kept.has(entry.step)) kept.set(entry.step, entry);
  };
  soundOnes.forEach(offer);
  sorted.filter(({ step }) => step < newest.step).forEach(offer);
  return sorted.filter((entry) => kept.get(entry.step) !== entry);
}

/** Removes what `surplus` names. The caller checks the fence first. */
export async function prune(store: Pick<CheckpointStore, 'list' | 'remove'>, keeping: Keeping): Promise<void> {
  // Oldest first: a process that ends in between leaves the newest ones.
  for (const entry of surplus(await store.list(), keeping).toReversed()) await store.remove(entry);
}

interface SkippedCheckpoint {
  readonly entry: CheckpointEntry;
  readonly error: CheckpointError | StoreError;
}

interface Loaded<T> {
  /** Null when the store has no sound checkpoint. */
  readonly newest: { readonly entry: CheckpointEntry; readonly checkpoint: T } | null;
  /** Newer ones that were passed over, newest first; the caller logs them. */
  readonly skipped: readonly SkippedCheckpoint[];
}

/**
 * Returns the newest checkpoint that decodes. A damaged or missing one costs the steps since the one before. What needs a
 * person (a checkpoint of another job or version, a store that cannot be read) is thrown.
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
  if (error instanceof StoreError) return error.reason === 'missing' || error.reason === 'unreadable';
  return error instanceof CheckpointError && error.reason !== 'otherJob' && error.reason !== 'version';
}
