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
  /**
   * Stored whole or not at all, and lasting once this resolves; the same (step, attempt) again replaces it.
   * @param fence asked before it becomes visible; when it throws, that is thrown and nothing becomes visible
   */
  put(step: number, attempt: number, bytes: Uint8Array, fence: () => Promise<void>): Promise<void>;
  /** Newest first: by step, then by attempt. */
  list(): Promise<readonly CheckpointEntry[]>;
  get(entry: CheckpointEntry): Promise<Uint8Array>;
  /** One that is not there is fine. */
  remove(entry: CheckpointKey): Promise<void>;
  /** Removes what attempts before this one left half-written, and nothing of this or a later one. */
  sweep(attempt: number): Promise<void>;
}

export type CheckpointKey = Pick<CheckpointEntry, 'step' | 'attempt'>;

/** The order of `list`. */
export function newestFirst(a: CheckpointKey, b: CheckpointKey): number {
  return b.step - a.step || b.attempt - a.attempt;
}

/** What an attempt knows when it makes room. */
export interface Keeping {
  /** Steps to keep, each by its newest attempt; at least 1. */
  readonly keep: number;
  readonly attempt: number;
  /** Checkpoints that this attempt loaded, or stored and read back. Never empty: without one nothing may go. */
  readonly sound: readonly CheckpointKey[];
}

/**
 * Entries that need not be kept. Kept are the newest `keep` steps that are known to be sound, and where there are fewer, the
 * newest older ones. An entry that is listed and not known is one of these:
 *  - of a newer attempt: then this attempt is fenced, and nothing is surplus;
 *  - newer than all known ones, or of a known step: damaged and passed over, or finished by an older attempt that is
 *    fenced. This attempt trains over it, so it goes, and it never takes the place of a sound one;
 *  - older: it may be damaged, so it only fills up.
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

/** Removes what `surplus` names. The caller has asked the fence. */
export async function prune(store: Pick<CheckpointStore, 'list' | 'remove'>, keeping: Keeping): Promise<void> {
  // The oldest first: a process that is stopped in between leaves the newest.
  for (const entry of surplus(await store.list(), keeping).toReversed()) await store.remove(entry);
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
  if (error instanceof StoreError) return error.reason === 'missing' || error.reason === 'unreadable';
  return error instanceof CheckpointError && error.reason !== 'otherJob' && error.reason !== 'version';
}
