/**
 * Shared memory between a compute thread and its owner that says whether a call is running and whether another may
 * begin. Native code cannot be stopped in the middle: a thread that is ended inside onnxruntime takes the whole process
 * down with SIGABRT, so its owner shuts the gate and waits for the call to return.
 *
 * Invariant: once `shut` was called and `busy` was seen to be 0, no call begins.
 */

/** Positions in the shared memory. */
const shutAt = 0;
const busyAt = 1;

export type Gate = Int32Array<SharedArrayBuffer>;

export function createGate(): Gate {
  return new Int32Array(new SharedArrayBuffer(8));
}

/** The compute thread's: false when the gate is shut and the call must not begin. */
export function enter(gate: Gate): boolean {
  // Set busy, then read shut. The owner sets shut, then reads busy: one of the two always sees the other.
  Atomics.store(gate, busyAt, 1);
  if (Atomics.load(gate, shutAt) === 0) return true;
  leave(gate);
  return false;
}

/** The compute thread's: the call is over. */
export function leave(gate: Gate): void {
  Atomics.store(gate, busyAt, 0);
  Atomics.notify(gate, busyAt);
}

/** The owner's: no further call begins. */
export function shut(gate: Gate): void {
  Atomics.store(gate, shutAt, 1);
}

/** The owner's: resolves when no call is running. */
export async function quiet(gate: Gate): Promise<void> {
  const { async, value } = Atomics.waitAsync(gate, busyAt, 1);
  if (async) await value;
}

/** The owner's: whether a call is running. */
export function isBusy(gate: Gate): boolean {
  return Atomics.load(gate, busyAt) === 1;
}

/** The owner's, while the process exits and nothing asynchronous runs anymore: blocks until no call runs, at most `timeoutMs`. */
export function waitUntilQuiet(gate: Gate, timeoutMs: number): void {
  Atomics.wait(gate, busyAt, 1, timeoutMs);
}
