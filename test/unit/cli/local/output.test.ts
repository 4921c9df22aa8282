/** What a run writes, byte for byte: a view that is redrawn, plain lines, or JSON. */
import { describe, expect, test } from '@jest/globals';

import type { Pids } from '../../../../src/cli/local/supervise-job.js';
import { openOutput, type Output } from '../../../../src/cli/local/output.js';
import { liveLines, plainLine } from '../../../../src/cli/local/view.js';
import { shown } from './shown.js';

const pids: Pids = { student: 11, teachers: [12, 13], nats: 10 };
const warning = { type: 'Warning', reason: 'StudentFailed', message: 'out of memory' } as const;
const notice = { type: 'Normal', reason: 'Complete', message: 'All 200 steps trained.' } as const;

function outputOn(kind: 'terminal' | 'pipe' | 'json', columns?: number) {
  let nowMs = 0;
  const written: string[] = [];
  const terminal = {
    isTTY: kind === 'terminal',
    ...(columns === undefined ? {} : { columns }),
    write: (text: string): boolean => {
      written.push(text);
      return true;
    },
  };
  const output = openOutput(kind === 'json' ? 'json' : 'auto', terminal, () => nowMs);
  /** What was written since the last call. */
  const fresh = (): string => written.splice(0).join('');
  return { output, fresh, wait: (ms: number) => (nowMs += ms) };
}

/** The text on a screen after these bytes. It knows the escape sequences that the view sends. */
function screenOf(text: string): string[] {
  const lines = [''];
  let row = 0;
  for (const part of text.replaceAll('\u001b', 'ESC').split(/(\r?ESC\[\d*[AJ]|\n)/)) {
    const up = /ESC\[(\d+)A/.exec(part);
    if (up !== null) row -= Number(up[1]);
    else if (part === 'ESC[J') lines.splice(row, lines.length, '');
    else if (part === '\n') lines[(row += 1)] ??= '';
    else if (part !== '') lines[row] = part;
    if (row < 0) throw new Error('the cursor left the screen');
  }
  return lines.filter((line) => line !== '');
}

describe('text of workers', () => {
  /** Escape sequences begin with one of these. */
  const controls = /\p{Cc}/u;
  const hostile = 'a\u001b[2Jb\u009b1m\nwarning: forged';
  const harmless = 'a\\u001b[2Jb\\u009b1m warning: forged';

  test.each(['terminal', 'pipe'] as const)('on a %s moves no cursor and forges no line', (kind) => {
    const { output, fresh } = outputOn(kind);
    output.say(hostile);
    output.events([{ ...warning, message: hostile }]);
    output.finish([hostile], {});
    const mark = kind === 'terminal' ? '! ' : 'warning: ';
    expect(fresh()).toBe([harmless, `${mark}StudentFailed: ${harmless}`, harmless, ''].join('\n'));
    output.progress('mnist', shown({ phase: hostile }), pids);
    expect(fresh().replaceAll('\n', '')).not.toMatch(controls);
  });

  test('is the same text in JSON, on one line', () => {
    const { output, fresh } = outputOn('json');
    output.say(hostile);
    const text = fresh();
    expect(text.trimEnd()).not.toMatch(controls);
    expect(JSON.parse(text)).toEqual({ type: 'message', message: hostile });
  });
});

describe('on a terminal', () => {
  test('the view is redrawn in place', () => {
    const { output, fresh, wait } = outputOn('terminal', 140);
    const first = liveLines('mnist', shown(), 140);
    output.progress('mnist', shown(), pids);
    expect(fresh()).toBe(first.map((line) => `${line}\n`).join(''));
    wait(200);
    const next = shown({ step: 900 });
    output.progress('mnist', next, pids);
    expect(fresh()).toBe(
      `\r\u001b[3A\u001b[J${liveLines('mnist', next, 140)
        .map((line) => `${line}\n`)
        .join('')}`,
    );
  });

  test('a sentence stays above the view', () => {
    const { output, fresh } = outputOn('terminal', 140);
    const view = liveLines('mnist', shown(), 140);
    output.progress('mnist', shown(), pids);
    fresh();
    output.events([warning]);
    expect(fresh()).toBe(
      `\r\u001b[3A\u001b[J! StudentFailed: out of memory\n${view.map((line) => `${line}\n`).join('')}`,
    );
  });

  test('a whole run leaves its sentences and its summary, without the view', () => {
    const { output, fresh, wait } = outputOn('terminal', 140);
    let text = '';
    output.say('found nats-server');
    for (let step = 0; step < 10; step++) {
      output.progress('mnist', shown({ step }), pids);
      wait(100);
      if (step === 4) output.events([warning]);
      if (step === 7) output.events([notice]);
    }
    text += fresh();
    expect(screenOf(text)).toEqual([
      'found nats-server',
      '! StudentFailed: out of memory',
      '  Complete: All 200 steps trained.',
      ...liveLines('mnist', shown({ step: 8 }), 140),
    ]);
    output.finish(['done in 1:02', '  model  runs/mnist/model'], {});
    text += fresh();
    expect(screenOf(text)).toEqual([
      'found nats-server',
      '! StudentFailed: out of memory',
      '  Complete: All 200 steps trained.',
      'done in 1:02',
      '  model  runs/mnist/model',
    ]);
  });

  test('a sentence before the first view moves no cursor', () => {
    const { output, fresh } = outputOn('terminal', 140);
    output.say('found nats-server');
    output.finish(['done'], {});
    expect(fresh()).toBe('found nats-server\ndone\n');
  });

  test('draws at most five times a second', () => {
    const { output, fresh, wait } = outputOn('terminal', 140);
    output.progress('mnist', shown(), pids);
    fresh();
    wait(199);
    output.progress('mnist', shown(), pids);
    expect(fresh()).toBe('');
    wait(1);
    output.progress('mnist', shown(), pids);
    expect(fresh()).not.toBe('');
  });

  test.each([
    [undefined, 100],
    [0, 100],
    [40, 40],
  ])('of %p columns has lines of at most %d', (columns, width) => {
    const { output, fresh } = outputOn('terminal', columns);
    output.progress('mnist', shown(), pids);
    const longest = Math.max(
      ...fresh()
        .split('\n')
        .map((line) => line.length),
    );
    expect(longest).toBeLessThanOrEqual(width);
    expect(longest).toBeGreaterThan(width - 20);
  });
});

describe('elsewhere', () => {
  test('plain lines come every five seconds, sentences at once, without escape sequences', () => {
    const { output, fresh, wait } = outputOn('pipe');
    for (let second = 0; second < 11; second++) {
      output.progress('mnist', shown({ step: second }), pids);
      if (second === 3) output.events([warning]);
      if (second === 4) output.events([notice]);
      wait(1_000);
    }
    output.say('baseline');
    output.finish(['done in 0:11', 'model'], {});
    const text = fresh();
    expect(text).toBe(
      [
        plainLine('mnist', shown({ step: 0 })),
        'warning: StudentFailed: out of memory',
        'Complete: All 200 steps trained.',
        plainLine('mnist', shown({ step: 5 })),
        plainLine('mnist', shown({ step: 10 })),
        'baseline',
        'done in 0:11',
        'model',
        '',
      ].join('\n'),
    );
    expect(text).not.toContain('\u001b');
  });
});

describe('for machines', () => {
  const tell: readonly [string, (output: Output) => void, object][] = [
    ['a sentence', (output) => output.say('found nats-server'), { type: 'message', message: 'found nats-server' }],
    [
      'progress, with the pids',
      (output) => output.progress('mnist', shown(), pids),
      { type: 'progress', job: 'mnist', ...shown(), pids },
    ],
    [
      'an event',
      (output) => output.events([warning]),
      { type: 'event', severity: 'Warning', reason: 'StudentFailed', message: 'out of memory' },
    ],
    ['the end', (output) => output.finish(['done'], { outcome: 'complete' }), { type: 'result', outcome: 'complete' }],
  ];
  test.each(tell)('%s is one JSON object on one line', (_what, act, want) => {
    const { output, fresh } = outputOn('json');
    act(output);
    const text = fresh();
    expect(text.endsWith('\n')).toBe(true);
    expect(text.indexOf('\n')).toBe(text.length - 1);
    expect(JSON.parse(text)).toEqual(want);
  });

  test('progress comes at most four times a second, events always', () => {
    const { output, fresh, wait } = outputOn('json');
    for (let tick = 0; tick < 10; tick++) {
      output.progress('mnist', shown(), pids);
      wait(100);
    }
    for (let time = 0; time < 3; time++) output.events([notice]);
    const types = fresh()
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type);
    expect(types).toEqual(['progress', 'progress', 'progress', 'progress', 'event', 'event', 'event']);
  });
});

describe('a job that fails', () => {
  const failed = { type: 'Warning', reason: 'Failed', message: 'no data' } as const;
  const scaled = { type: 'Normal', reason: 'TeachersScaled', message: '1 → 0' } as const;
  const last = [scaled, warning, failed];

  test.each(['terminal', 'pipe'] as const)('says why once on a %s: in its summary', (kind) => {
    const { output, fresh } = outputOn(kind);
    output.events([warning]);
    output.events(last);
    output.finish(['failed: no data'], {});
    const lines = fresh().trim().split('\n');
    expect(lines.map((line) => line.trim().replace(/^(! |warning: )/, ''))).toEqual([
      'StudentFailed: out of memory',
      'TeachersScaled: 1 → 0',
      'failed: no data',
    ]);
  });

  test('leaves out nothing for machines', () => {
    const { output, fresh } = outputOn('json');
    output.events(last);
    expect(fresh().trim().split('\n')).toHaveLength(3);
  });
});
