/**
 * Where the command writes: a live view on a terminal, plain lines elsewhere, JSON lines for machines. Owns the
 * terminal's cursor; nothing else writes to standard output while a run is on. What it shows comes from workers, too: no
 * character of it that a terminal acts on is written as it is.
 */
import { printable, printableJson } from '@distillery/base';

import { type EventDraft, events as makers } from '../api/index.js';

import type { Pids } from './engine.js';
import { liveLines, plainLine, type Shown } from './view.js';

/** The part of a stream that is used; process.stdout fulfils it. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): boolean;
}

export interface Output {
  /** A sentence that stays. */
  say(sentence: string): void;
  /** `pids` are for machines alone. */
  progress(name: string, shown: Shown, pids: Pids): void;
  /** What one reconcile saw. */
  events(events: readonly EventDraft[]): void;
  /** The last word: a person's summary, or one object for machines. */
  finish(summary: readonly string[], record: object): void;
}

const liveEveryMs = 200;
const usualColumns = 100;
const plainEveryMs = 5_000;
const jsonEveryMs = 250;

export function openOutput(format: 'auto' | 'json', terminal: Terminal, now: () => number): Output {
  if (format === 'json') return jsonOutput(terminal, now);
  return terminal.isTTY === true ? liveOutput(terminal, now) : plainOutput(terminal, now);
}

function jsonOutput(terminal: Terminal, now: () => number): Output {
  const due = every(jsonEveryMs, now);
  const line = (type: string, record: object): void =>
    void terminal.write(`${printableJson(JSON.stringify({ type, ...record }))}\n`);
  return {
    say: (message) => line('message', { message }),
    progress: (job, shown, pids) => {
      if (due()) line('progress', { job, ...shown, pids });
    },
    events: (events) => {
      for (const { type, reason, message } of events) line('event', { severity: type, reason, message });
    },
    finish: (_summary, record) => line('result', record),
  };
}

function plainOutput(terminal: Terminal, now: () => number): Output {
  const due = every(plainEveryMs, now);
  const line = (text: string): void => void terminal.write(`${printable(text)}\n`);
  return {
    say: line,
    progress: (name, shown) => {
      if (due()) line(plainLine(name, shown));
    },
    events: (events) => {
      for (const { type, reason, message } of besideSummary(events)) {
        line(`${type === 'Warning' ? 'warning: ' : ''}${reason}: ${message}`);
      }
    },
    finish: (summary) => summary.forEach(line),
  };
}

function liveOutput(terminal: Terminal, now: () => number): Output {
  const due = every(liveEveryMs, now);
  let drawn: readonly string[] = [];
  // Some terminals say 0 until they know better.
  const width = (): number =>
    terminal.columns === undefined || terminal.columns < 1 ? usualColumns : terminal.columns;
  // To column 0 first: a Ctrl-C echoes two characters into the view's last line.
  const clear = (): string => (drawn.length === 0 ? '' : `\r\x1b[${drawn.length}A\x1b[J`);
  const draw = (lines: readonly string[]): void => {
    terminal.write(clear() + lines.map((line) => `${printable(line)}\n`).join(''));
    drawn = lines;
  };
  /** Above the view, which is drawn again below it. */
  const keep = (text: string): void => {
    const view = drawn;
    terminal.write(`${clear()}${printable(text)}\n`);
    drawn = [];
    if (view.length > 0) draw(view);
  };
  return {
    say: keep,
    progress: (name, shown) => {
      if (due()) draw(liveLines(name, shown, width()));
    },
    events: (events) => {
      for (const { type, reason, message } of besideSummary(events)) {
        keep(`${type === 'Warning' ? '! ' : '  '}${reason}: ${message}`);
      }
    },
    finish: (summary) => {
      terminal.write(clear());
      drawn = [];
      for (const line of summary) terminal.write(`${printable(line)}\n`);
    },
  };
}

/** Reasons of events whose sentence the summary of a failed run repeats. */
const summed: readonly string[] = [makers.failed('').reason, makers.studentFailed(0, 0, '').reason];

/** Without what the summary of the run says, which follows at once when the job failed. */
function besideSummary(events: readonly EventDraft[]): readonly EventDraft[] {
  const failed = events.some(({ reason }) => reason === makers.failed('').reason);
  return failed ? events.filter(({ reason }) => !summed.includes(reason)) : events;
}

function every(ms: number, now: () => number): () => boolean {
  let last = -Infinity;
  return () => {
    if (now() - last < ms) return false;
    last = now();
    return true;
  };
}
