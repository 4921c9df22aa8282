/** Looks and decides in turn until a job, a question or a refusal follows. */
import { type Clock, sentenceOf } from '@distillery/base';
import type { RuntimeChoice, WorkerEnding } from '@distillery/protocol';

import { overviewOf } from '../data/index.js';
import {
  type Asked,
  decide,
  type Draft,
  type Look,
  type Question,
  type Seen,
  type SeenTeacher,
} from '../draft/index.js';
import { inspectModel } from '../models/inference/index.js';
import { openRuntime } from '../runtimes/index.js';
import { besideOf } from './beside.js';
import { lookOpened } from './opened.js';
import { dataAt, scan } from './scan.js';
import { lookTrials } from './trials.js';
import { placeUri } from './uri.js';

export interface InitRequest {
  /** Absolute. */
  readonly folder: string;
  readonly jobFolder: string;
  readonly runtime: RuntimeChoice;
  readonly asked: Asked;
}

export type InitReply =
  | ({ readonly kind: 'job' } & Draft)
  | { readonly kind: 'ask'; readonly question: Question }
  | { readonly kind: 'refuse'; readonly sentence: string; readonly ending: Exclude<WorkerEnding, 'done'> };

/** @throws what looking throws: PlaceError, DataError, ReadError, ModelError, InputError, RuntimeError */
export async function initiate({ folder, jobFolder, runtime, asked }: InitRequest, clock: Clock): Promise<InitReply> {
  const inFolder = await scan(folder);
  const found = asked.data === undefined ? inFolder : { ...inFolder, data: await dataAt(asked.data) };
  let seen: Seen = { folder, jobFolder, asked, found };
  for (;;) {
    const decision = decide(seen);
    switch (decision.kind) {
      case 'job':
        return { kind: 'job', ...decision.draft };
      case 'ask':
        return decision;
      case 'refuse':
        return { kind: 'refuse', sentence: sentenceOf(decision.fault), ending: 'terminal' };
      case 'look':
        seen = { ...seen, ...(await seenBy(decision.look, runtime, clock)) };
    }
  }
}

async function seenBy(look: Look, runtime: RuntimeChoice, clock: Clock): Promise<Partial<Seen>> {
  switch (look.what) {
    case 'teacher':
      return { teacher: await lookTeacher(look, runtime) };
    case 'data':
      return { data: await overviewOf(look.format, placeUri(look.path)) };
    case 'opened':
      return { opened: await lookOpened(look.dataset, look.tokenizer) };
    case 'trials':
      return { trials: await lookTrials(look, { clock, runtime }) };
  }
}

async function lookTeacher(
  { path, format }: Extract<Look, { what: 'teacher' }>,
  choice: RuntimeChoice,
): Promise<SeenTeacher> {
  const runtime = await openRuntime(choice, format);
  const engine = await inspectModel({ path, format, threads: 1 }, (file) => runtime.openEngine(file));
  const { inputs, outputs } = engine;
  await engine.close();
  return { inputs, outputs, beside: await besideOf(path) };
}
