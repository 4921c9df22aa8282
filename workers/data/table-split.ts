/**
 * Some rows of a table as samples, by the fields of a data set.
 *
 * Invariants:
 *  table-split/S1 What a sample is depends on the data and the fields alone: not on the order of the reads, on the process, or on
 *     whether inputs or targets were asked for first.
 *  table-split/S2 A row that cannot be used in any of its fields fails the read, or gives way to the next sound row of the split,
 *     the first one following the last, with its inputs and its target together.
 *  table-split/S3 Memory: 4 bytes a row for its index in the table and one bit for what is known of it, and the rows that gave way.
 */
import { DistilleryError } from '@distillery/base';

import type { Table } from '../tables/index.js';
import { DataError, type Samples, type SampleSpec, type Split, type Targets, type Tensor } from '../samples/index.js';
import type { BoundFields } from './fields/bind.js';
import type { RowProblems } from './fields/field.js';
import { copySample, copyTarget } from './copy-sample.js';

/** Rows in a row that may be bad before the data set counts as unusable. */
const maxTries = 100;

/** A row that cannot be used. Every other reader of the data meets it, too. */
export class BadSampleError extends DistilleryError {
  override readonly name = 'BadSampleError';
  readonly kind = 'BadSample';
  readonly retry = 'Never';
}

/** A row that gave way to another. */
export interface Replacement {
  /** For people: file and row. */
  readonly row: string;
  /** Why it cannot be used, as a clause. */
  readonly problem: string;
}

export interface TableSplitOptions {
  readonly table: Table;
  /** Rows of the table, in the order of the samples; null = all of them. */
  readonly rows: Uint32Array | null;
  readonly fields: BoundFields;
  readonly onBadSample: 'Fail' | 'Replace';
  /** Called once for each row. */
  readonly replaced: (replacement: Replacement) => void;
}

interface Wanted {
  readonly inputs: boolean;
  readonly target: boolean;
}

interface Parts {
  readonly samples: Samples | null;
  readonly targets: Targets | null;
  readonly bad: RowProblems;
}

export class TableSplit implements Split {
  readonly length: number;
  readonly spec: SampleSpec;
  readonly rowsPerBlock?: number;
  readonly #options: TableSplitOptions;
  readonly #inputColumns: readonly string[];
  readonly #targetColumns: readonly string[];
  /** One bit for each sample: all fields of its row were found to be sound. */
  readonly #sound: Uint8Array;
  /** Of samples whose row is bad: the sample that takes its place. */
  readonly #substitutes = new Map<number, number>();

  constructor(options: TableSplitOptions) {
    const { table, rows, fields } = options;
    this.#options = options;
    this.length = rows?.length ?? table.length;
    this.spec = {
      inputs: Object.fromEntries(fields.inputs.map(({ name, spec }) => [name, spec])),
      positions: 1,
      target: fields.target?.spec ?? null,
    };
    if (table.rowsPerBlock !== undefined) this.rowsPerBlock = table.rowsPerBlock;
    this.#inputColumns = fields.inputs.flatMap(({ columns }) => columns);
    this.#targetColumns = fields.target?.columns ?? [];
    this.#sound = new Uint8Array(Math.ceil(this.length / 8));
  }

  async read(indices: ArrayLike<number>): Promise<Samples> {
    const { samples } = await this.#take(indices, { inputs: true, target: false });
    return samples ?? { count: 0, inputs: {} };
  }

  async targets(indices: ArrayLike<number>): Promise<Targets | null> {
    if (this.#options.fields.target === null) return null;
    return (await this.#take(indices, { inputs: false, target: true })).targets;
  }

  close(): Promise<void> {
    return this.#options.table.close();
  }

  /** @throws BadSampleError (table-split/S2); what the table throws */
  async #take(indices: ArrayLike<number>, wanted: Wanted): Promise<Parts> {
    const chosen = Array.from(indices, (index) => this.#substitutes.get(index) ?? this.#checked(index));
    const replaces = this.#options.onBadSample === 'Replace';
    // Whether a row gives way depends on all of its fields, also on those that are not asked for.
    const isNew = replaces && chosen.some((index) => !this.#isSound(index));
    const parts = await this.#decode(chosen, isNew ? { inputs: true, target: true } : wanted);
    for (const [at, index] of chosen.entries()) {
      const problem = parts.bad.get(at);
      if (problem === undefined) {
        if (isNew) this.#noteSound(index);
        continue;
      }
      if (!replaces) throw this.#badSample(index, problem);
      const substitute = await this.#substituteOf(index, problem);
      const one = await this.#decode([substitute], { inputs: true, target: true });
      if (one.samples !== null && parts.samples !== null) copySample(one.samples, parts.samples, at);
      if (one.targets !== null && parts.targets !== null) copyTarget(one.targets, parts.targets, at);
    }
    return parts;
  }

  async #decode(indices: readonly number[], { inputs, target }: Wanted): Promise<Parts> {
    const { table, rows, fields } = this.#options;
    const count = indices.length;
    const columns = [...(inputs ? this.#inputColumns : []), ...(target ? this.#targetColumns : [])];
    const values = await table.read(
      indices.map((index) => rows?.[index] ?? index),
      [...new Set(columns)],
    );
    const bad = new Map<number, string>();
    const note = (problems: RowProblems): void => {
      for (const [at, problem] of problems) if (!bad.has(at)) bad.set(at, problem);
    };
    const tensors: Record<string, Tensor> = {};
    for (const field of inputs ? fields.inputs : []) {
      const decoded = await field.decode(values, count);
      tensors[field.name] = decoded.content;
      note(decoded.bad);
    }
    const decoded = target ? (fields.target?.decode(values, count) ?? null) : null;
    if (decoded !== null) note(decoded.bad);
    return { samples: inputs ? { count, inputs: tensors } : null, targets: decoded?.content ?? null, bad };
  }

  /** The sample whose row takes the place of a bad one: the next sound one. */
  async #substituteOf(index: number, problem: string): Promise<number> {
    const known = this.#substitutes.get(index);
    if (known !== undefined) return known;
    for (let tries = 1; tries <= Math.min(maxTries, this.length - 1); tries++) {
      const candidate = (index + tries) % this.length;
      if (!(await this.#findSound(candidate))) continue;
      if (!this.#substitutes.has(index)) this.#options.replaced({ row: this.#nameOf(index), problem });
      this.#substitutes.set(index, candidate);
      return candidate;
    }
    throw this.#badSample(index, `${problem}; the ${String(maxTries)} rows after it cannot be read either`);
  }

  async #findSound(index: number): Promise<boolean> {
    if (this.#isSound(index)) return true;
    if (this.#substitutes.has(index)) return false;
    const { bad } = await this.#decode([index], { inputs: true, target: true });
    if (bad.size === 0) this.#noteSound(index);
    return bad.size === 0;
  }

  #isSound(index: number): boolean {
    return ((this.#sound[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
  }

  #noteSound(index: number): void {
    this.#sound[index >> 3] = (this.#sound[index >> 3] ?? 0) | (1 << (index & 7));
  }

  #nameOf(index: number): string {
    const { table, rows } = this.#options;
    return table.nameOf(rows?.[index] ?? index);
  }

  #badSample(index: number, problem: string): BadSampleError {
    const remedy = 'correct or remove it, or set dataset.onBadSample to Replace';
    return new BadSampleError({ about: this.#nameOf(index), problem, remedy });
  }

  #checked(index: number): number {
    if (Number.isInteger(index) && index >= 0 && index < this.length) return index;
    throw new DataError({
      about: 'data set',
      found: `sample index ${String(index)}`,
      expected: `an integer from 0 to ${String(this.length - 1)}`,
      remedy: 'use the same data set for student and teachers',
    });
  }
}
