/** Lets the teacher answer real samples, read in one or several ways. */
import { type Clock, DistilleryError, type Fault } from '@distillery/base';

import { librarySentence } from '../base/index.js';
import type { Samples, Split, Targets } from '../samples/index.js';
import type { Inspection, Reading, Trial } from '../draft/index.js';
import { type ModelSession, inspectModel, openInference } from '../models/inference/index.js';
import { openChosen, spread } from './opened.js';
import { type InitMachine, runtimeFor } from './runtime.js';

type Trials = Extract<Inspection, { what: 'trials' }>;

/** What a trial takes from the machine. */
export interface TrialTools extends InitMachine {
  readonly clock: Clock;
}

/** Samples of one trial, and those of one batch where the model takes any number. */
const samplesTried = 64;
const samplesAtOnce = 8;
/** A slow model answers fewer samples, at least one batch. */
const longestMs = 10_000;
/** How a teacher of a small machine computes. */
const threads = 1;
/** Rows whose length differs less from 1 are unit vectors. */
const unitTolerance = 1e-3;

/** @throws DataError, ReadError; RuntimeError; ModelError when the file cannot be read */
export async function runTrials({ teacher, dataset, readings }: Trials, tools: TrialTools): Promise<readonly Trial[]> {
  const runtime = await runtimeFor(teacher.format, tools);
  const session = await inspectModel({ ...teacher, threads }, (file) => runtime.openSession(file));
  try {
    return await tryAll(session, { teacher, dataset, readings }, tools.clock);
  } finally {
    await session.close();
  }
}

async function tryAll(
  session: ModelSession,
  { teacher, dataset, readings }: Omit<Trials, 'what'>,
  clock: Clock,
): Promise<readonly Trial[]> {
  const data = await openChosen(dataset);
  try {
    const trials: Trial[] = [];
    for (const reading of readings) trials.push(await tryOne(session, teacher, data.train, reading, clock));
    return trials;
  } finally {
    await data.close();
  }
}

async function tryOne(
  session: ModelSession,
  { path, format }: Trials['teacher'],
  split: Split,
  { input, inputs, tokenizer, output }: Reading,
  clock: Clock,
): Promise<Trial> {
  try {
    const inference = await openInference(
      {
        format,
        path,
        input,
        ...(inputs === undefined ? {} : { inputSettings: inputs }),
        ...(tokenizer === undefined ? {} : { tokenizer }),
        ...(output === undefined ? {} : { output }),
        inputs: split.spec.inputs,
        threads,
      },
      // The session stays open for the next reading.
      () => Promise.resolve({ ...session, close: () => Promise.resolve() }),
    );
    const { columns, kind } = inference;
    const tally = new Tally(columns);
    const startMs = clock.now();
    const rows = spread(split, samplesTried);
    for (let at = 0; at < rows.length; at += samplesAtOnce) {
      const indices = rows.slice(at, at + samplesAtOnce);
      tally.see(await inference.infer(await samplesOf(split, indices)), await split.targets(indices));
      if (clock.now() - startMs > longestMs) break;
    }
    const seconds = Math.max(clock.now() - startMs, 1) / 1_000;
    return { ok: true, columns, kind, unit: tally.unit, score: tally.score, samplesPerSecond: tally.samples / seconds };
  } catch (error) {
    return { ok: false, fault: faultOf(error, path) };
  }
}

function samplesOf(split: Split, indices: readonly number[]): Promise<Samples> {
  return split.read(indices);
}

function faultOf(error: unknown, path: string): Fault {
  if (error instanceof DistilleryError) return error.fault;
  return {
    about: `model ${path}`,
    problem: `it fails on the first samples (${librarySentence(error)})`,
    remedy: 'name other columns with --input, other data with --data, or another model with --teacher',
  };
}

/** What the answers of several batches have in common. */
class Tally {
  samples = 0;
  #unit = true;
  #labeled = 0;
  #right = 0;
  #loss = 0;

  constructor(private readonly columns: number) {}

  see(logits: Float32Array, targets: Targets | null): void {
    const count = logits.length / this.columns;
    this.samples += count;
    for (let row = 0; row < count; row++) {
      const values = logits.subarray(row * this.columns, (row + 1) * this.columns);
      const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
      if (Math.abs(length - 1) > unitTolerance) this.#unit = false;
      const label = targets?.kind === 'class' && targets.perSample === 1 ? targets.labels[row] : undefined;
      if (label !== undefined && label < this.columns) this.#seeLabel(values, label);
    }
  }

  #seeLabel(values: Float32Array, label: number): void {
    const most = values.reduce((largest, value) => Math.max(largest, value), -Infinity);
    const sum = values.reduce((total, value) => total + Math.exp(value - most), 0);
    const own = values[label] ?? 0;
    this.#labeled += 1;
    this.#loss += most + Math.log(sum) - own;
    if (own === most) this.#right += 1;
  }

  get unit(): boolean {
    return this.#unit && this.columns > 1;
  }

  /** null = no sample has a class. */
  get score(): { readonly loss: number; readonly accuracy: number; readonly samples: number } | null {
    if (this.#labeled === 0) return null;
    return { loss: this.#loss / this.#labeled, accuracy: this.#right / this.#labeled, samples: this.#labeled };
  }
}
