/**
 * What `distill init` knows when it decides: what the person said, what lies in the folder, and what its files hold. It
 * grows from one decision to the next. Data alone.
 */
import type { Fault } from '@distillery/base';
import type { DatasetField, Manifest } from '@distillery/protocol';

export type DatasetFormat = Manifest['dataset']['format'];
export type TeacherFormat = Manifest['teacher']['model']['format'];
export type InputSetting = Manifest['teacher']['input'];
export type NamedInputSetting = NonNullable<Manifest['teacher']['inputs']>[number];
export type OutputSetting = NonNullable<Manifest['teacher']['output']>;
export type Split = NonNullable<Manifest['dataset']['split']>;

/** What a teacher's answers are for. */
export type Task = 'classes' | 'embedding' | 'numbers';

/** Pixel values that a teacher was trained on. */
export type PixelRange = '0..1' | '0..255' | '-1..1' | 'imagenet';

/** What the person says. Each question names one of these, so an answer on a terminal is the same as an option. */
export interface Asked {
  /** Absolute paths. */
  readonly data?: string;
  readonly teacher?: string;
  readonly tokenizer?: string;
  readonly format?: DatasetFormat;
  /** Column of the labels; `none` = without labels. */
  readonly label?: string;
  /** Columns that the teacher takes. */
  readonly inputs?: readonly string[];
  readonly task?: Task;
  /** Name of the teacher's output. */
  readonly answer?: string;
  readonly pixels?: PixelRange;
  readonly layout?: 'NHWC' | 'NCHW';
  /** Height and width at which pictures are read. */
  readonly size?: Size;
  /** `NAME?PARAMETER=VALUE`, a preset uri, or the absolute path of a model.json. */
  readonly student?: string;
}

export interface Size {
  readonly height: number;
  readonly width: number;
}

/** A file or folder that may be the data set. */
export interface FoundData {
  readonly path: string;
  readonly format: DatasetFormat;
  /** For people: "12 files", "240 pictures". */
  readonly holds: string;
}

export interface Found {
  readonly teachers: readonly { readonly path: string; readonly format: TeacherFormat }[];
  readonly tokenizers: readonly string[];
  readonly data: readonly FoundData[];
  /** Number of files in the folder. */
  readonly files: number;
}

/** Number of values along an axis; null = any. */
export type Axis = number | null;

export interface SeenInput {
  readonly name: string;
  readonly dtype: string;
  /** The batch first. */
  readonly shape: readonly Axis[];
}

export interface SeenOutput {
  readonly name: string;
  readonly isFloat: boolean;
  readonly shape: readonly Axis[];
  /** The operator that computes it, such as Softmax. */
  readonly operator: string | null;
}

/** Settings of the teacher that lie beside it, as Hugging Face's libraries save them. */
export interface Beside {
  /** preprocessor_config.json: how pictures are prepared. */
  readonly pixels?: { readonly scale?: number; readonly mean?: readonly number[]; readonly std?: readonly number[] };
  readonly size?: Size;
  /** config.json: names of the classes in the order of the outputs. */
  readonly classes?: readonly string[];
}

export interface SeenTeacher {
  readonly inputs: readonly SeenInput[];
  readonly outputs: readonly SeenOutput[];
  readonly beside: Beside;
}

/** What the sampled rows of a column hold. `mixed` = more than one of these. */
export type ColumnContent = 'picture' | 'bytes' | 'text' | 'whole' | 'fraction' | 'list' | 'nothing' | 'mixed';

export interface SeenColumn {
  readonly name: string;
  readonly holds: ColumnContent;
  /** Shape of a row; [] = one value. */
  readonly shape: readonly number[];
  /** Sampled rows without a value. */
  readonly empty: number;
  /** Different values among the sampled rows. */
  readonly distinct: number;
  /** Of numbers among the sampled rows. */
  readonly least: number | null;
  readonly most: number | null;
  /** Some values, for people and for comparing with names of classes. */
  readonly values: readonly string[];
  /** Characters of the longest sampled text. */
  readonly longest: number;
}

export interface SeenData {
  readonly rows: number;
  /** Rows that the data set itself holds out; null = it is not divided. */
  readonly heldOut: number | null;
  readonly columns: readonly SeenColumn[];
  /** Rows that the columns were judged by. */
  readonly sampled: number;
  /** Fields of a job that names none. */
  readonly natural: readonly DatasetField[];
  /** Size of the sampled pictures, where all have the same; null = they differ, or there are none. */
  readonly pictures: Size | null;
}

/** The data set, opened with the fields that were chosen. */
export interface Opened {
  readonly rows: number;
  readonly heldOut: number | null;
  readonly inputs: Readonly<
    Record<
      string,
      { readonly dtype: 'float32' | 'int32' | 'text'; readonly shape: readonly number[]; readonly values?: number }
    >
  >;
  readonly target:
    | { readonly kind: 'class' | 'classes'; readonly classes: number; readonly names: readonly string[] | null }
    | { readonly kind: 'values'; readonly width: number }
    | null;
  /** Of the tokenizer, where one was chosen: tokens of all but the longest twentieth of some texts. */
  readonly tokens: { readonly usual: number; readonly vocabulary: number } | null;
}

/** How a teacher reads samples in one trial. */
export interface Reading {
  readonly input: InputSetting;
  readonly inputs?: readonly NamedInputSetting[];
  readonly tokenizer?: { readonly path: string; readonly maxTokens: number };
  readonly output?: OutputSetting;
}

/** What the teacher answered to some real samples. */
export type Trial =
  | {
      readonly ok: true;
      readonly columns: number;
      readonly kind: 'Logits' | 'Probabilities' | 'Sigmoid' | 'Embedding';
      /** Whether every row has the length 1. */
      readonly unit: boolean;
      /** Samples with class labels: mean −log of the probability of the label, and share of right answers. */
      readonly score: { readonly loss: number; readonly accuracy: number; readonly samples: number } | null;
      readonly samplesPerSecond: number;
    }
  | { readonly ok: false; readonly fault: Fault };

export interface Seen {
  /** Absolute. */
  readonly folder: string;
  /** The folder of the job's file: paths are relative to it. Absolute. */
  readonly jobFolder: string;
  readonly asked: Asked;
  readonly found: Found;
  readonly teacher?: SeenTeacher;
  readonly data?: SeenData;
  readonly opened?: Opened;
  readonly trials?: readonly Trial[];
}
