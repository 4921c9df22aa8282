/** Inspects and decides in turn until a job, a question or a refusal follows. */
import { type Clock, sentenceOf } from '@distillery/base';
import type { WorkerEnding } from '@distillery/protocol';

import { overviewOf } from '../data/index.js';
import {
  type Asked,
  decide,
  type Draft,
  type Inspection,
  type Question,
  type Seen,
  type SeenTeacher,
} from '../draft/index.js';
import { inspectModel } from '../models/inference/index.js';
import { besideOf } from './beside.js';
import { inspectOpened } from './opened.js';
import { type InitMachine, runtimeFor } from './runtime.js';
import { dataAt, scan, teacherAt } from './scan.js';
import { runTrials } from './trials.js';
import { placeUri } from './uri.js';

export interface InitRequest extends InitMachine {
  /** Absolute. */
  readonly folder: string;
  readonly jobFolder: string;
  readonly asked: Asked;
}

export type InitReply =
  | ({ readonly kind: 'job' } & Draft)
  | { readonly kind: 'ask'; readonly question: Question }
  | { readonly kind: 'refuse'; readonly sentence: string; readonly ending: Exclude<WorkerEnding, 'done'> };

/** @throws what looking throws: PlaceError, DataError, ReadError, ModelError, InputError, RuntimeError */
export async function initiate(
  { folder, jobFolder, asked, ...machine }: InitRequest,
  clock: Clock,
): Promise<InitReply> {
  const inFolder = await scan(folder);
  const found = {
    ...inFolder,
    ...(asked.data === undefined ? {} : { data: await dataAt(asked.data) }),
    ...(asked.teacher === undefined ? {} : { teachers: [await teacherAt(asked.teacher)] }),
  };
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
      case 'inspect':
        seen = { ...seen, ...(await seenBy(decision.inspection, machine, clock)) };
    }
  }
}

async function seenBy(inspection: Inspection, machine: InitMachine, clock: Clock): Promise<Partial<Seen>> {
  switch (inspection.what) {
    case 'teacher':
      return { teacher: await inspectTeacher(inspection, machine) };
    case 'data':
      return { data: await overviewOf(inspection.format, placeUri(inspection.path)) };
    case 'opened':
      return { opened: await inspectOpened(inspection.dataset, inspection.tokenizer) };
    case 'trials':
      return { trials: await runTrials(inspection, { clock, ...machine }) };
  }
}

async function inspectTeacher(
  { path, format }: Extract<Inspection, { what: 'teacher' }>,
  machine: InitMachine,
): Promise<SeenTeacher> {
  const runtime = await runtimeFor(format, machine);
  const session = await inspectModel({ path, format, threads: 1 }, (file) => runtime.openSession(file));
  const { inputs, outputs } = session;
  await session.close();
  return { inputs, outputs, beside: await besideOf(path) };
}
