/**
 * Keeps the history of a run in `history.jsonl` of its folder while the run lasts, for its report.
 *
 * Invariants:
 *  run-history/1 A history never fails its run: what cannot be written is left out, and the next line that can be written
 *     writes the whole file.
 *  run-history/2 A file of that name that no run wrote stays as it is; then there is no history.
 */
import { closeSync, constants, lstatSync, openSync, writeFileSync } from 'node:fs';

import { decodeText, version } from '@distillery/base';
import { readRegularSync, writeWholeSync } from '@distillery/platform';

import type { EventDraft } from '../../api/index.js';
import type { Plan, Snapshot } from '../../domain/index.js';
import {
  bounded,
  changesOf,
  eventLine,
  type History,
  type HistoryLine,
  historyText,
  isDue,
  isFull,
  isHistory,
  linesOf,
  lineText,
  maxHistoryBytes,
  newHistory,
  readHistory,
  sampleOf,
} from '../../history/index.js';

import type { Scores } from '../shared/scores.js';

import type { MachineFacts } from './doctor.js';
import type { RunFolder } from './run-folder.js';

export const historyFile = 'history.jsonl';

export class RunHistory {
  readonly #path: string;
  readonly #nowMs: () => number;
  #history: History;
  /** `foreign`: the file is not of a run. `torn`: it may end in half a line. */
  #file: 'sound' | 'torn' | 'foreign';
  #last: HistoryLine | null = null;

  private constructor(path: string, nowMs: () => number, history: History, file: 'sound' | 'torn' | 'foreign') {
    this.#path = path;
    this.#nowMs = nowMs;
    this.#history = history;
    this.#file = file;
  }

  /** Continues the history in the folder, or begins one. */
  static open(folder: RunFolder, nowMs: () => number): RunHistory {
    const path = folder.file(historyFile);
    const { name, uid = '' } = folder.job.metadata;
    const empty = newHistory({ name, uid });
    const content = contentOf(path);
    if (content === null) return new RunHistory(path, nowMs, empty, 'torn');
    const earlier = readHistory(content, uid);
    if (earlier !== null) return new RunHistory(path, nowMs, bounded(earlier), 'torn');
    return new RunHistory(path, nowMs, empty, isHistory(content) ? 'torn' : 'foreign');
  }

  /** A process begins to work on the run. @param nats version of the server */
  started(machine: MachineFacts, slots: number, nats: string): void {
    const { node, platform, arch, processor, cores, memoryBytes } = machine;
    const facts = { node, platform, arch, processor, cores, memoryBytes };
    this.#add({ kind: 'start', t: this.#nowMs(), distillery: version, ...facts, nats, slots });
  }

  decided(snapshot: Snapshot, plan: Plan): void {
    const t = this.#nowMs();
    const sample = sampleOf(snapshot, t);
    this.#last = sample ?? this.#last;
    const { lines, head } = this.#history;
    for (const change of changesOf(snapshot, plan, lines, t)) this.#add(change);
    if (sample !== null && isDue(lines, head.intervalMs, t)) this.#add(sample);
  }

  events(events: readonly EventDraft[]): void {
    const step =
      this.#last?.kind === 'sample' ? this.#last.step : (linesOf(this.#history.lines, 'sample').at(-1)?.step ?? 0);
    for (const event of events) this.#add(eventLine(event, step, this.#nowMs()));
  }

  ended(outcome: 'complete' | 'failed' | 'stopped'): void {
    const last = this.#last;
    if (last !== null && last !== this.#history.lines.findLast(({ kind }) => kind === 'sample')) this.#add(last);
    this.#add({ kind: 'end', t: this.#nowMs(), outcome });
  }

  teacherMeasured(teacher: Scores): void {
    this.#add({ kind: 'scores', t: this.#nowMs(), teacher });
  }

  #add(line: HistoryLine): void {
    if (this.#file === 'foreign') return;
    const { lines } = this.#history;
    const history = { ...this.#history, lines: [...lines, line] };
    const fits = !isFull(lines, line.kind);
    this.#history = fits ? history : bounded(history);
    try {
      if (fits && this.#file === 'sound') append(this.#path, lineText(line));
      else writeWholeSync(this.#path, historyText(this.#history));
      this.#file = 'sound';
    } catch {
      this.#file = 'torn';
    }
  }
}

/** Never through a link that somebody put there meanwhile, and never into a file that is gone. */
const appending = constants.O_APPEND | constants.O_WRONLY | constants.O_NOFOLLOW;

/** @throws the system's error with its code */
function append(path: string, text: string): void {
  const file = openSync(path, appending);
  try {
    writeFileSync(file, text);
  } finally {
    closeSync(file);
  }
}

/** @returns null when there is no file; an empty text for what cannot be read as a history */
function contentOf(path: string): string | null {
  const entry = lstatSync(path, { throwIfNoEntry: false });
  if (entry === undefined) return null;
  if (!entry.isFile() || entry.size > maxHistoryBytes) return '';
  try {
    return decodeText(readRegularSync(path));
  } catch {
    return '';
  }
}
