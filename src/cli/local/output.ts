/**
 * What a run writes to standard output: a live view on a terminal, plain lines elsewhere, JSON lines for machines. It owns
 * the terminal's cursor; nothing else writes there during a run. Some of the text comes from workers, so every character
 * that a terminal acts on is escaped.
 */
import { printable, printableJson } from '@distillery/base';

import { type EventDraft, events as makers } from '../../api/index.js';

import type { Terminal } from '../shared/standard-output.js';

import type { Pids } from './supervise-job.js';
import { liveLines, plainLine, type Shown } from './view.js';

export interface Output {
  /** Writes a sentence that stays. */
  say(sentence: string): void;
  /** Shows the current state. `pids` are for machines alone. */
  progress(name: string, shown: Shown, pids: Pids): void;
  /** Writes the events of one reconcile. */
  events(events: readonly EventDraft[]): void;
  /** Writes the end of the run: a summary for a person, or one object for a machine. */
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
      for (const { type, reason, message } of withoutSummary(events)) {
        line(`${type === 'Warning' ? 'warning: ' : ''}${reason}: ${message}`);
      }
    },
    finish: (summary) => summary.forEach(line),
  };
}

function liveOutput(terminal: Terminal, now: () => number): Output {
  const due = every(liveEveryMs, now);
  let drawn: readonly string[] = [];
  // Some terminals report 0 columns at first.
  const width = (): number =>
    terminal.columns === undefined || terminal.columns < 1 ? usualColumns : terminal.columns;
  // The terminal echoes a Ctrl-C as two characters into the last line of the view: start at column 0.
  const clear = (): string => (drawn.length === 0 ? '' : `\r\x1b[${drawn.length}A\x1b[J`);
  const draw = (lines: readonly string[]): void => {
    terminal.write(clear() + lines.map((line) => `${printable(line)}\n`).join(''));
    drawn = lines;
  };
  /** Writes a line above the view, and draws the view below it again. */
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
      for (const { type, reason, message } of withoutSummary(events)) {
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

/** The summary of a failed run repeats the sentences of these events. */
const inSummary: readonly string[] = [makers.failed('').reason, makers.studentFailed(0, 0, '').reason];

/** When the job failed, leaves out what the summary repeats right after the events. */
function withoutSummary(events: readonly EventDraft[]): readonly EventDraft[] {
  const failed = events.some(({ reason }) => reason === makers.failed('').reason);
  return failed ? events.filter(({ reason }) => !inSummary.includes(reason)) : events;
}

function every(ms: number, now: () => number): () => boolean {
  let last = -Infinity;
  return () => {
    if (now() - last < ms) return false;
    last = now();
    return true;
  };
}
