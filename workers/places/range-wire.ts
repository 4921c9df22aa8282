/** What goes between a process and the thread that fetches parts of remote files for it. */
import type { CredentialSource } from './credentials.js';
import type { RetryLimits } from './retries.js';
import type { TransportLimits } from './requests.js';
import type { Version } from './source.js';
import type { WebPlace } from './web.js';

/** One remote file in one version. */
export interface RangedFile {
  /** The uri, for messages. */
  readonly about: string;
  readonly place:
    ({ readonly kind: 'web' } & WebPlace) | { readonly kind: 's3'; readonly bucket: string; readonly key: string };
  readonly version: Version & { readonly length: number };
}

/** Of one block: which file and bytes, and the slot of the shared memory where they go. */
export interface BlockOrder extends BlockAnswer {
  readonly file: number;
  readonly position: number;
  readonly length: number;
  readonly slot: number;
}

/** Which order was answered: the state of its slot is set. */
export interface BlockAnswer {
  /** Differs for each order. */
  readonly id: number;
  /** Of the block. */
  readonly key: string;
}

/** From the thread: it runs, what it tries again, or which order is answered. */
export type ThreadMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'warning'; readonly text: string }
  | ({ readonly kind: 'answered' } & BlockAnswer);

/** Given to the thread at its start. */
export interface RangeThreadData {
  readonly files: readonly RangedFile[];
  readonly credentials: CredentialSource;
  readonly transport: TransportLimits;
  readonly retries: RetryLimits;
  readonly seed: number;
  /** Certificates of the authorities that this process trusts: a thread begins with those of the machine. */
  readonly authorities: readonly string[];
  readonly memory: SharedMemory;
}

/** Slots for blocks. */
export interface SharedMemory {
  readonly blockBytes: number;
  /** One number for each slot, see `states`. */
  readonly states: SharedArrayBuffer;
  /** A block for each slot. Where an order failed, its error: the length in 4 bytes, little-endian, then JSON. */
  readonly blocks: SharedArrayBuffer;
}

export const states = { asked: 0, here: 1, failed: 2 } as const;
export const maxFaultBytes = 16_384;

/** At least two slots: one can be read into while the others are being filled. */
export function sharedMemory(blockBytes: number, memoryBytes: number): SharedMemory {
  const slots = Math.max(2, Math.floor(memoryBytes / blockBytes));
  return {
    blockBytes,
    states: new SharedArrayBuffer(slots * Int32Array.BYTES_PER_ELEMENT),
    blocks: new SharedArrayBuffer(slots * blockBytes),
  };
}
