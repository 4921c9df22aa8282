/** What an example is. Each one is an `example.ts` in a folder of examples/, beside its job and its README. */
import type { Manifest } from '@distillery/protocol';

import type { DatasetSettings } from '../../dist/workers/data/index.js';

import type { Package } from './packages.ts';

/** Numbers that were measured, by name: those of a run's result, and those that the example measures itself. */
export type Figures = Readonly<Record<string, number>>;

/** A figure as people read it. */
export interface Shown {
  readonly figure: string;
  readonly title: string;
  readonly text: (value: number) => string;
}

export interface Preparation {
  /** The folder to fill; it is `.cache/examples/NAME` afterwards, or `.cache/examples/NAME-small`. */
  readonly folder: string;
  /** Folder of each package's content, by the package's name. */
  readonly packages: Readonly<Record<string, string>>;
  readonly isSmall: boolean;
  readonly environment: NodeJS.ProcessEnv;
  readonly progress: (line: string) => void;
  readonly stop: AbortSignal;
}

/** A change of the job, as a path of keys and the value there. */
export type Edit = readonly [path: readonly (string | number)[], value: unknown];

export interface FinishedRun {
  /** Folder with the prepared data. */
  readonly data: string;
  /** Of the job that ran: absolute uris, and every default. */
  readonly manifest: Manifest;
  /** Its data set. */
  readonly dataset: DatasetSettings;
  /** Folder with `model.onnx` and `metrics.json`. */
  readonly model: string;
  readonly figures: Figures;
  readonly packages: Readonly<Record<string, string>>;
}

export interface ExampleFiles {
  readonly folder: string;
  /** The job, in that folder. */
  readonly job: string;
  /** The table over five seeds, in that folder. */
  readonly results: string;
}

export interface Example {
  readonly name: string;
  /** Files in examples/; absent = `NAME/job.yaml` and `NAME/RESULTS.md`. For further jobs of the same folder. */
  readonly files?: ExampleFiles;
  /** One line for the list of examples. */
  readonly summary: string;
  /** How long a full run takes, on 2 cores. */
  readonly duration: string;
  readonly packages: readonly Package[];
  /** All but the packages that decides what `prepare` makes; change it, and everyone's data is made again. */
  readonly edition: string;
  readonly prepare?: (preparation: Preparation) => Promise<void>;
  /** What a small run changes in the job. @param data folder that was prepared */
  readonly small: (data: string) => readonly Edit[];
  /** Whether the table over several seeds compares with the same student on labels alone. */
  readonly hasBaseline: boolean;
  /** Measures the result further. */
  readonly measure?: (run: FinishedRun) => Promise<Figures>;
  /** What the table says of each seed, and what it says once. */
  readonly columns: readonly Shown[];
  readonly constants: readonly Shown[];
  /** The paragraph above the table. */
  readonly tableNote: string;
}

export function filesOf({ name, files }: Pick<Example, 'name' | 'files'>): ExampleFiles {
  return files ?? { folder: name, job: 'job.yaml', results: 'RESULTS.md' };
}

export const percent = (value: number): string => `${(value * 100).toFixed(2)} %`;
/** Of shares. */
export const points = (value: number): string => (value * 100).toFixed(2);
export const times = (value: number): string => `${value.toFixed(1)} ×`;
export const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
export const kib = (value: number): string => `${whole(value / 1_024)} KiB`;
