/**
 * What crosses between a process's main thread and its compute thread, and how. Buffers move instead of being copied:
 * the sender of an array that spans its whole buffer loses it. A view into a larger buffer (a frame in a network message,
 * a tensor in a checkpoint) is copied, since other code may still read the rest.
 */
import { crossingOf, type CrossingError, DistilleryError } from '@distillery/base';

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
} & ({ readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly thrown: Thrown });

/** What a handler threw: an error of ours, which keeps its kind and fault, or one of a library. */
export type Thrown =
  | { readonly ours: CrossingError }
  | { readonly ours: null; readonly name: string; readonly message: string; readonly stack: string };

export function thrownOf(error: unknown): Thrown {
  if (error instanceof DistilleryError) return { ours: crossingOf(error) };
  if (!(error instanceof Error)) return { ours: null, name: 'Error', message: String(error), stack: '' };
  return { ours: null, name: error.name, message: error.message, stack: error.stack ?? '' };
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
      // An empty buffer saves nothing, and a second move of it fails.
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
