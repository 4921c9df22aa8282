/** A report of hostile text: the page has the same elements as one of plain text, and nothing that acts on a reader. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { readHistory } from '../../../src/history/index.js';
import { reportPage } from '../../../src/report/page.js';
import { eventLineAt, historyOf, plainHistory, reportInput, sampleLine, teachersLine } from '../../kit/report.js';
import { anyCharacter } from '../../kit/characters.js';

const hostile = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 60 }),
  fc.constantFrom(
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onfocus='alert(1)' autofocus='",
    '</style><script>',
    '</title></head><body>',
    '-->',
    '<!--',
    '&lt;b&gt;',
    '\u202egpj.exe',
    '\u2066\u2069\u200f',
    '\u001b[31m red \u001b]0;title\u0007',
    '\ud800',
    '${x}`',
    '\u0000\u0008',
    ']]>',
    'javascript:alert(1)',
  ),
);

/** A page whose every text of a job, a worker or a folder is `text`. */
function pageOf(text: string): string {
  const job = reportInput().job;
  const container = { name: 'worker', command: [text], env: [{ name: text, value: text }] };
  const template = { metadata: { annotations: { [`a/${text}`]: text } }, spec: { containers: [container] } };
  const [pool] = job.spec.teacher.pools;
  const spec = { ...job.spec, teacher: { ...job.spec.teacher, pools: [{ ...pool, name: text, template }] } };
  const history = historyOf([
    ...plainHistory().lines,
    teachersLine(2e12, text, 1, { reason: text, why: text }),
    eventLineAt(2e12, 1, text, text, 'Warning'),
    { kind: 'runtime', t: 2e12, role: 'teacher', runtime: text },
    sampleLine(2e12 + 1_000, 500),
  ]);
  const status = reportInput().status;
  return reportPage(
    reportInput({
      source: text,
      job: { ...job, metadata: { ...job.metadata, name: text, uid: text }, spec: spec as typeof job.spec },
      history,
      status: { ...status, notes: [text], result: { digest: text } },
      missing: [text],
    }),
    () => 'hash',
  );
}

/** Names of elements, and those of their attributes, in the order of the page. */
function skeleton(page: string): string[] {
  return [...page.matchAll(/<(\/?[A-Za-z!][^\s>]*)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*>/g)].map(
    ([, name = '', attributes = '']) =>
      `${name}${[...attributes.matchAll(/([\w:-]+)="/g)].map(([, key = '']) => ` ${key}`).join('')}`,
  );
}

describe('a report of hostile text', () => {
  const plain = skeleton(pageOf('plain'));

  test('has the elements and attributes of a report of plain text', () => {
    expect(plain.length).toBeGreaterThan(300);
    fc.assert(
      fc.property(hostile, (text) => {
        const page = pageOf(text);
        expect(skeleton(page)).toEqual(plain);
        expect(page.match(/<script/g)).toHaveLength(1);
      }),
    );
  });

  test('holds no control character, no mark that turns text around, and no half of a character', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(pageOf(text)).not.toMatch(/[\p{Bidi_Control}\u2028\u2029\ufeff\p{Cs}]|(?!\n)\p{Cc}/u);
      }),
    );
  });
});

test('a history of any text is read, or is none; reading never throws', () => {
  const head = JSON.stringify(historyOf([]).head);
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.json(), hostile, fc.constant(JSON.stringify(sampleLine(1, 1))))), (lines) => {
      const history = readHistory([head, ...lines].join('\n'), 'u-1');
      expect(history).not.toBeNull();
      expect(readHistory(lines.join('\n'), 'u-1')).toBeNull();
    }),
  );
});
