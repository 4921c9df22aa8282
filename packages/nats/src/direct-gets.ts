/**
 * Direct gets of one stream: the only way in which this project reads stored messages one by one. They need no consumer,
 * and a right to make consumers reaches further than one stream (docs/adr/0005).
 */
import type { DirectStreamAPI, StoredMsg } from '@nats-io/jetstream';

export interface DirectGets {
  /** The last message of a subject; null when there is none. */
  readonly last: (subject: string) => Promise<StoredMsg | null>;
  /** The first message of a subject, wildcards allowed, at or after a sequence; null when there is none. */
  readonly next: (subject: string, fromSequence: number) => Promise<StoredMsg | null>;
}

export function directGets(direct: DirectStreamAPI, stream: string): DirectGets {
  return {
    last: (subject) => direct.getMessage(stream, { last_by_subj: subject }),
    next: (subject, fromSequence) => direct.getMessage(stream, { seq: fromSequence, next_by_subj: subject }),
  };
}

/** True for the mark that a deleted key leaves in a key-value bucket. */
export function isDeletionMark(message: StoredMsg): boolean {
  return message.header.has('KV-Operation');
}
