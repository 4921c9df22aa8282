/** Small jobs on a small data set, each in a folder of its own. The caller makes one thing wrong. */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect } from '@jest/globals';

import { distillExit, type SmallSpec, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';

import { endingOfRun, hasModel, nothingLeft } from './ending.js';

export interface Cases {
  readonly folder: string;
  /** Folder of sound data: `samples` for training. */
  readonly data: string;
  readonly samples: number;
  /** A new folder for one case. */
  readonly caseFolder: () => string;
  /** Writes a job of one epoch in `place`. @returns its path */
  readonly writeJob: (place: string, change: (spec: SmallSpec) => void, data?: string) => string;
  /** Runs such a job, expects that it is refused and leaves nothing, and returns the one sentence that was printed. */
  readonly refusalOf: (place: string, change: (spec: SmallSpec) => void, data?: string) => Promise<string>;
}

export function openCases(name: string): Cases {
  const folder = mkdtempSync(join(tmpdir(), `distill-${name}-`));
  const samples = 256;
  const sound = join(folder, 'data');
  smallMnist(sound, { train: samples, test: 64 });
  let cases = 0;
  const writeJob: Cases['writeJob'] = (place, change, data = sound) =>
    writeSmallJob(place, `file://${data}`, (spec) => {
      Object.assign(spec.training, { epochs: 1, augment: {} });
      change(spec);
    });
  return {
    folder,
    data: sound,
    samples,
    caseFolder: () => {
      const path = join(folder, `case-${String(cases++)}`);
      mkdirSync(path);
      return path;
    },
    writeJob,
    refusalOf: async (place, change, data) => {
      const run = join(place, 'run');
      const { message, ...ending } = await endingOfRun(writeJob(place, change, data), run);
      // With the message, so that a failure of this test shows what the command said.
      expect({ message, ...ending }).toEqual({ message, exitCode: distillExit.badInput, ...nothingLeft });
      // A problem of the job file is listed with its place there; anything else is one line.
      const lines = message.split('\n');
      if (lines.length > 1) expect([lines.length, ...lines.slice(-2)]).toEqual([5, '', '1 problem']);
      expect(hasModel(run)).toBe(false);
      return message;
    },
  };
}

/** Trains on labels alone: no teacher is started, so that the student's own sentence is the one that is printed. */
export function withoutTeacher(spec: SmallSpec): void {
  spec.student.loss = { softWeight: 0 };
}
