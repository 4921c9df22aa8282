/**
 * How long a recorded run needs each result. A run that is recorded is computed op by op, and tfjs keeps every result until
 * its end: several times the memory of the program. So a function is recorded for few samples first, and the run of many frees
 * each result after the op that was the last to use it then. Pure.
 */
import type { RecordedOp } from './simplify.js';

/** Of each op, in their order. Results are numbered as they are made. */
export type Lifetimes = readonly {
  readonly op: string;
  /** Numbers of its inputs; -1 for what no op has made. */
  readonly inputs: readonly number[];
  /** How many results it has. */
  readonly outputs: number;
  /** Numbers of results that nothing uses after it. */
  readonly ends: readonly number[];
}[];

const notMade = -1;

/** @param results ids of what the function returns */
export function lifetimesOf(ops: readonly RecordedOp[], results: readonly number[]): Lifetimes {
  const numbers = new Numbers();
  const described = ops.map((op) => ({ ...numbers.of(op), ends: [] as number[] }));
  const lastUse: number[] = [];
  described.forEach(({ inputs, first, outputs }, at) => {
    for (const number of inputs) if (number !== notMade) lastUse[number] = at;
    for (let number = first; number < first + outputs; number++) lastUse[number] = at;
  });
  const returned = new Set(results.map((id) => numbers.numberOf(id)));
  lastUse.forEach((at, number) => {
    if (!returned.has(number)) described[at]?.ends.push(number);
  });
  return described;
}

/** Follows a run that does the same ops with other shapes. A run that does others is let be from then on. */
export class Releases {
  readonly #lifetimes: Lifetimes;
  readonly #numbers = new Numbers();
  readonly #ids: number[] = [];
  #at = 0;
  #isSame = true;

  constructor(lifetimes: Lifetimes) {
    this.#lifetimes = lifetimes;
  }

  /** @returns ids of the results that can be freed after this op */
  after(op: RecordedOp): readonly number[] {
    const known = this.#lifetimes[this.#at++];
    const { inputs, outputs } = this.#numbers.of(op);
    this.#ids.push(...op.outputs.map(({ id }) => id));
    this.#isSame &&=
      known?.op === op.op &&
      known.outputs === outputs &&
      known.inputs.length === inputs.length &&
      known.inputs.every((number, at) => number === inputs[at]);
    if (known === undefined || !this.#isSame) return [];
    return known.ends.flatMap((number) => this.#ids[number] ?? []);
  }
}

/** Gives results their numbers. */
class Numbers {
  readonly #byId = new Map<number, number>();
  #next = 0;

  /** @returns numbers of its inputs, and of its first result */
  of({ op, inputs, outputs }: RecordedOp): { op: string; inputs: number[]; first: number; outputs: number } {
    const given = inputs.map((id) => this.numberOf(id));
    const first = this.#next;
    for (const { id } of outputs) this.#byId.set(id, this.#next++);
    return { op, inputs: given, first, outputs: outputs.length };
  }

  numberOf(id: number): number {
    return this.#byId.get(id) ?? notMade;
  }
}
