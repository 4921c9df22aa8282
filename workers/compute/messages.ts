/**
 * What crosses between a process's main thread and its compute thread, and how. Buffers move instead of being copied:
 * who sends an array that is its own whole buffer gives it up. A view into a larger buffer (a frame in a network
 * message, a tensor in a checkpoint) is copied, since somebody else may still read the rest.
 */

/** Main thread → compute thread. */
export interface Call {
  readonly id: number;
  readonly method: string;
  readonly input: unknown;
}

/** Compute thread → main thread, once for each call and in the calls' order. */
export type Reply = {
  readonly id: number;
  /** Milliseconds that the call took, by the compute thread's own clock. */
  readonly busyMs: number;
  /** Milliseconds that the compute thread had waited before it. */
  readonly idleMs: number;
} & ({ readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: CrossedError });

/** An error as plain data: a structured clone would lose its class name and its fields. */
export interface CrossedError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  /** Own fields that are strings, numbers, booleans or null. */
  readonly fields: Readonly<Record<string, string | number | boolean | null>>;
}

export function crossedError(error: unknown): CrossedError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: '', fields: {} };
  const fields: Record<string, string | number | boolean | null> = {};
  for (const [key, value] of Object.entries(error) as readonly [string, unknown][]) {
    if (key === 'name') continue;
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      fields[key] = value;
    }
  }
  return { name: error.name, message: error.message, stack: error.stack ?? '', fields };
}

/** A value ready for postMessage, and the buffers to move with it. */
export interface Parcel {
  readonly content: unknown;
  readonly buffers: ArrayBuffer[];
}

/** Packs plain objects, arrays and typed arrays; other objects are left to the structured clone. */
export function packed(value: unknown): Parcel {
  const buffers = new Set<ArrayBuffer>();
  const pack = (part: unknown): unknown => {
    if (ArrayBuffer.isView(part)) {
      const own = part.byteLength === part.buffer.byteLength ? part : ownCopy(part);
      const { buffer, byteLength } = own;
      // An empty one is not worth it and must not move twice.
      if (isMovable(buffer) && byteLength === buffer.byteLength && byteLength > 0) buffers.add(buffer);
      return own;
    }
    if (Array.isArray(part)) return part.map(pack);
    if (typeof part === 'object' && part !== null && Object.getPrototypeOf(part) === Object.prototype) {
      return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, pack(inner)]));
    }
    return part;
  };
  return { content: pack(value), buffers: [...buffers] };
}

/** A shared buffer is shared, not moved. By its tag, since the array may come from another realm. */
function isMovable(buffer: ArrayBufferLike): buffer is ArrayBuffer {
  return buffer[Symbol.toStringTag] === 'ArrayBuffer';
}

/** Without it, a structured clone would copy the whole buffer behind a small view. */
function ownCopy(view: ArrayBufferView): ArrayBufferView {
  // Not slice() here: a Buffer's slice is a view again.
  if (view instanceof Uint8Array) return new Uint8Array(view);
  if (view instanceof Float32Array || view instanceof Int32Array) return view.slice();
  return view;
}
