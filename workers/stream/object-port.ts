/**
 * The operations of JetStream that a job's object store needs, over one connection. Every call may be done twice: a write names the
 * sequence that it follows on its subject, so the server refuses a repeat, also one that arrives minutes later from a
 * connection that was given up. (A `Nats-Msg-Id` would hold for the stream's duplicate window only.)
 */
import type { StatementFault } from '@distillery/base';
import { type StoredPiece } from '@distillery/protocol';
import { headers } from '@nats-io/transport-node';
import { z } from 'zod';

import type { StreamLink } from './connect.js';
import { refused } from './errors.js';
import { refusalOf, roomFaultOf } from './store-errors.js';

export type Written =
  | { readonly kind: 'stored'; readonly sequence: number }
  /** The subject's last message is another than expected: perhaps this very write, done before. */
  | { readonly kind: 'moved' }
  /** Not stored: a limit is reached. */
  | { readonly kind: 'full'; readonly fault: WriteFault }
  /** The server answers questions and confirms no write: it may still store this one. */
  | { readonly kind: 'unconfirmed'; readonly fault: WriteFault };

export type WriteFault = Omit<StatementFault, 'about'>;

export interface ObjectPort {
  /**
   * Stores a message when the last one of its subject is `after`; 0 = when there is none.
   * @throws StreamRefused, StreamUnreachable
   */
  write(subject: string, data: Uint8Array, after: number): Promise<Written>;
  /** As `write`, and removes the subject's older messages. */
  replace(subject: string, data: Uint8Array, after: number): Promise<Written>;
  last(subject: string): Promise<StoredPiece | null>;
  /** The first message of a subject, wildcards allowed, at or after a sequence. */
  next(subject: string, fromSequence: number): Promise<StoredPiece | null>;
  /** Removes the subject's messages: all, or those up to and with a sequence. @returns false when the server cannot */
  purge(subject: string, throughSequence?: number): Promise<boolean>;
  /** Subjects that have messages, and the stream's limit in bytes; null = none. */
  look(filter: string): Promise<{ readonly subjects: readonly string[]; readonly maxBytes: number | null }>;
  sleep(ms: number): Promise<void>;
}

const infoSchema = z.object({
  config: z.object({ max_bytes: z.number() }),
  state: z.object({ subjects: z.record(z.string(), z.number()).optional() }),
});
const errorSchema = z.object({ error: z.object({ err_code: z.number().optional(), description: z.string() }) });

/** A server that answers requests and confirms no write for this long has a disk that takes none. */
const unconfirmedLimitMs = 10_000;
/** Number of answered requests, one per limit, after which that is believed. */
const believedAnswers = 2;
/** As long as any request to NATS may take (connect.ts). */
const askLimitMs = 30_000;
const askAgainMs = 500;
const unconfirmed: WriteFault = {
  problem: 'the NATS server answers but confirms no write',
  remedy: 'check its log and its disk, then restart it',
};
const mostTries = 3;
const streamNotFound = 10059;

/** @param stream the object store's stream */
export function objectPort(link: StreamLink, stream: string): ObjectPort {
  const gets = link.gets(stream);
  const read = async (get: () => Promise<StoredPiece | null>): Promise<StoredPiece | null> => {
    const doing = `read ${stream}`;
    try {
      return await link.untilAnswered(doing, get);
    } catch (error) {
      throw refused(doing, error);
    }
  };
  const ask = async (verb: 'STREAM.PURGE' | 'STREAM.INFO', request: object, signal?: AbortSignal): Promise<unknown> => {
    const question = (): Promise<{ json(): unknown }> =>
      link.connection.request(`$JS.API.${verb}.${stream}`, JSON.stringify(request), { timeout: askLimitMs });
    return (await link.untilAnswered(`${verb} ${stream}`, question, { signal })).json();
  };
  /** Resolves when questions are answered and the write beside them is not, on one and the same connection. */
  const noConfirmation = async (signal: AbortSignal): Promise<'unconfirmed'> => {
    let answers = 0;
    const forget = link.onReconnect(() => (answers = 0));
    try {
      while (answers < believedAnswers) {
        await link.clock.sleep(unconfirmedLimitMs, signal);
        signal.throwIfAborted();
        await ask('STREAM.INFO', {}, signal);
        answers += 1;
      }
      return 'unconfirmed';
    } finally {
      forget();
    }
  };
  const write = async (subject: string, data: Uint8Array, after: number, replacing: boolean): Promise<Written> => {
    const doing = `write to ${stream}`;
    const over = new AbortController();
    const publish = (): Promise<{ readonly seq: number }> => {
      const head = headers();
      if (replacing) head.set('Nats-Rollup', 'sub');
      return link.client.publish(subject, data, { headers: head, expect: { lastSubjectSequence: after } });
    };
    const confirmed = link.untilAnswered(doing, publish, { signal: over.signal, whenNoRoom: 'throw' });
    const silent = noConfirmation(over.signal);
    // Whichever loses the race ends by `over`.
    for (const each of [confirmed, silent]) each.catch(() => undefined);
    try {
      const answer = await Promise.race([confirmed, silent]);
      if (answer !== 'unconfirmed') return { kind: 'stored', sequence: answer.seq };
      return { kind: 'unconfirmed', fault: unconfirmed };
    } catch (error) {
      if (refusalOf(error) === 'moved') return { kind: 'moved' };
      const full = roomFaultOf(error, 'lower spec.student.checkpoint.keep');
      if (full !== null) return { kind: 'full', fault: full };
      throw refused(doing, error);
    } finally {
      over.abort(new Error(`${doing}: over`));
    }
  };
  return {
    write: (subject, data, after) => write(subject, data, after, false),
    replace: (subject, data, after) => write(subject, data, after, true),
    last: (subject) => read(() => gets.last(subject)),
    next: (subject, fromSequence) => read(() => gets.next(subject, fromSequence)),
    purge: async (subject, throughSequence) => {
      const bound = throughSequence === undefined ? {} : { seq: throughSequence + 1 };
      for (let tries = 1; tries <= mostTries; tries++) {
        const fault = errorSchema.safeParse(await ask('STREAM.PURGE', { filter: subject, ...bound }));
        if (!fault.success || fault.data.error.err_code === streamNotFound) return true;
        link.log.warn(`purge ${subject}: NATS refused: ${fault.data.error.description}`);
        await link.clock.sleep(askAgainMs);
      }
      return false;
    },
    look: async (filter) => {
      for (;;) {
        const info = infoSchema.safeParse(await ask('STREAM.INFO', { subjects_filter: filter }));
        if (info.success) {
          const { config, state } = info.data;
          return {
            subjects: Object.keys(state.subjects ?? {}),
            maxBytes: config.max_bytes > 0 ? config.max_bytes : null,
          };
        }
        // The operator is creating it again.
        link.log.warn(`${stream}: no information; trying again`);
        await link.clock.sleep(askAgainMs);
      }
    },
    sleep: (ms) => link.clock.sleep(ms),
  };
}
