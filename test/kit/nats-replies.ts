/** Splits the traffic of a NATS client into messages, so that a proxy can lose some of them. */
import { createHash } from 'node:crypto';

import type { Filters } from './faulty-proxy.js';

const crlf = Buffer.from('\r\n');

interface Message {
  /** Words of its first line. */
  readonly words: readonly string[];
  readonly body: Buffer;
  readonly whole: Buffer;
}

/** Splits a stream of bytes into protocol messages; incomplete messages wait for more bytes. */
function messages(): (chunk: Buffer) => Message[] {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const found: Message[] = [];
    for (;;) {
      const lineEnd = rest.indexOf(crlf);
      if (lineEnd === -1) return found;
      const words = rest.subarray(0, lineEnd).toString().split(' ');
      const hasBody = /^H?(MSG|PUB)$/i.test(words[0] ?? '');
      const end = lineEnd + crlf.length + (hasBody ? Number(words.at(-1)) + crlf.length : 0);
      if (rest.length < end) return found;
      found.push({ words, body: rest.subarray(lineEnd + crlf.length, end), whole: rest.subarray(0, end) });
      rest = rest.subarray(end);
    }
  };
}

/**
 * Loses the first reply to every request; only a request that is repeated with the same content gets its reply.
 * @returns the filters of each connection
 */
export function losingEachReplyOnce(): () => Filters {
  const answered = new Set<string>();
  return () => {
    const questions = new Map<string, string>();
    const [requests, replies] = [messages(), messages()];
    return {
      toServer: (chunk) => {
        for (const { words, body } of requests(chunk)) {
          const [verb = '', subject = '', ...more] = words;
          // PUB subject reply size, HPUB subject reply headers size
          const isQuestion = (verb === 'PUB' && more.length === 2) || (verb === 'HPUB' && more.length === 3);
          if (!isQuestion) continue;
          questions.set(more[0] ?? '', createHash('sha256').update(subject).update(body).digest('base64'));
        }
        return chunk;
      },
      toClient: (chunk) => {
        const delivered = replies(chunk).filter(({ words }) => {
          const question = questions.get(words[1] ?? '');
          if (!words[0]?.endsWith('MSG') || question === undefined || answered.has(question)) return true;
          answered.add(question);
          return false;
        });
        return Buffer.concat(delivered.map(({ whole }) => whole));
      },
    };
  };
}
