/** What a decision ends with. */
import type { Fault } from '@distillery/base';

import type { Asked, DatasetFormat, Reading, Split, TeacherFormat } from './seen.js';
import type { DatasetField } from '@distillery/protocol';

export interface Choice {
  /** What the option takes. */
  readonly value: string;
  /** For people; empty where the value says all. */
  readonly words: string;
}

/** Something that the files leave open. */
export interface Question {
  /** The option that answers it. */
  readonly option: keyof Asked;
  /** "which file is the teacher". */
  readonly what: string;
  /** Why it cannot be inferred, as a clause. */
  readonly why: string;
  readonly choices: readonly Choice[];
}

/** What to inspect next. */
export type Inspection =
  | { readonly what: 'teacher'; readonly path: string; readonly format: TeacherFormat }
  | { readonly what: 'data'; readonly path: string; readonly format: DatasetFormat }
  | { readonly what: 'opened'; readonly dataset: DatasetChoice; readonly tokenizer: string | null }
  | {
      readonly what: 'trials';
      readonly teacher: { readonly path: string; readonly format: TeacherFormat };
      readonly dataset: DatasetChoice;
      readonly readings: readonly Reading[];
    };

/** A data set as a manifest has it, but for its uri. */
export interface DatasetChoice {
  readonly path: string;
  readonly format: DatasetFormat;
  /** Absent = the natural ones. */
  readonly fields?: readonly DatasetField[];
  readonly split?: Split;
  readonly onBadSample?: 'Replace';
}

export interface Draft {
  /** The text of job.yaml. */
  readonly text: string;
  /** For people: what was chosen, a word and a sentence each. */
  readonly summary: readonly (readonly [string, string])[];
}

export type Decision =
  | { readonly kind: 'inspect'; readonly inspection: Inspection }
  | { readonly kind: 'ask'; readonly question: Question }
  | { readonly kind: 'refuse'; readonly fault: Fault }
  | { readonly kind: 'job'; readonly draft: Draft };

/** Stands for a choice that cannot be made yet, with what follows instead. */
export class Undecided {
  constructor(readonly decision: Exclude<Decision, { kind: 'job' }>) {}
}

export function ask(question: Question): Undecided {
  return new Undecided({ kind: 'ask', question });
}

export function refuse(about: string, problem: string, remedy: string): Undecided {
  return new Undecided({ kind: 'refuse', fault: { about, problem, remedy } });
}

export function inspect(next: Inspection): Undecided {
  return new Undecided({ kind: 'inspect', inspection: next });
}
