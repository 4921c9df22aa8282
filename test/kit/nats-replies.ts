/** What a client and a NATS server say to each other, message by message, so that a proxy can lose some of it. */
import { createHash } from 'node:crypto';

import type { Filters } from './faulty-proxy.js';

const crlf = Buffer.from('\r\n');

interface Message {
  /** The words of its first line. */
  readonly words: readonly string[];
  readonly body: Buffer;
  readonly whole: Buffer;
}

/** Cuts a stream of bytes into protocol messages; what is not whole yet waits. */
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
 * Loses the first answer to every question; only one that is asked again, word by word, is answered.
 * @returns for each connection, what it carries
 */
export function losingEachReplyOnce(): () => Filters {
  const answered = new Set<string>();
  return () => {
    const questions = new Map<string, string>();
    const [asked, told] = [messages(), messages()];
    return {
      toServer: (chunk) => {
        for (const { words, body } of asked(chunk)) {
          const [verb = '', subject = '', ...more] = words;
          // PUB subject reply size, HPUB subject reply headers size
          const isQuestion = (verb === 'PUB' && more.length === 2) || (verb === 'HPUB' && more.length === 3);
          if (!isQuestion) continue;
          questions.set(more[0] ?? '', createHash('sha256').update(subject).update(body).digest('base64'));
        }
        return chunk;
      },
      toClient: (chunk) => {
        const brought = told(chunk).filter(({ words }) => {
          const question = questions.get(words[1] ?? '');
          if (!words[0]?.endsWith('MSG') || question === undefined || answered.has(question)) return true;
          answered.add(question);
          return false;
        });
        return Buffer.concat(brought.map(({ whole }) => whole));
      },
    };
  };
}
