/**
 * What every error of this project is: a fault as data, a kind, and whether another attempt helps. Pure.
 *
 * Invariants:
 *  fault/1 A caller decides by the type and its fields (`kind`, `reason`, `retry`), never by the sentence.
 *  fault/2 The grammar of messages is in `sentenceOf` alone. A sentence names the thing, what is wrong with it and what to
 *          do, and holds no character that a terminal acts on.
 *  fault/3 An error survives the way between threads: `crossingOf` makes plain data of it, `revived` the error again.
 */
import { printable } from './printable.js';

/** A value that is not what it should be. `found` and `expected` are nouns: `0`, `a whole number from 1 to 64`. */
export interface ValueFault {
  /** The thing: a field, a file, an address. Empty where the rest names it. */
  readonly about: string;
  readonly found: string;
  readonly expected: string;
  /** What to do, as an imperative. Empty where a person can do nothing. */
  readonly remedy: string;
}

/** Anything else that is wrong, as a clause: `the server refused the login`. */
export interface StatementFault {
  readonly about: string;
  readonly problem: string;
  readonly remedy: string;
}

/** Several faults at once; each is a line of its own. */
interface FaultList {
  readonly faults: readonly Fault[];
  /** For all of them together. */
  readonly remedy: string;
}

export type Fault = ValueFault | StatementFault | FaultList;
/** A fault of a thing that the receiver names. */
export type FaultOf = Omit<ValueFault, 'about'> | Omit<StatementFault, 'about'>;

/** When the same attempt may succeed. */
export type Retry =
  /** Never: it meets the same fault again. */
  | 'Never'
  /** Later, without any change. */
  | 'Later'
  /** After a person changes something, as the remedy says. */
  | 'AfterSomebodyActs';

/** `about: what is wrong. What to do.` One line for each fault; without a remedy there is no full stop. */
export function sentenceOf(fault: Fault): string {
  const remedy = capitalized(fault.remedy);
  if ('faults' in fault) {
    const lines = fault.faults.map(sentenceOf);
    return (remedy === '' ? lines : [...lines, printable(closed(remedy))]).join('\n');
  }
  if (remedy === '') return printable(statementOf(fault));
  return printable(`${closed(statementOf(fault))} ${closed(remedy)}`);
}

/** The sentence with what the program does next, such as `trying again`, before the remedy. */
export function sentenceWith(fault: Fault, next: string): string {
  return sentenceOf({ about: '', problem: `${statementOf(fault)}; ${next}`, remedy: fault.remedy });
}

/** The sentence without the remedy and without a full stop: another sentence may continue it. */
export function statementOf(fault: Fault): string {
  if ('faults' in fault) return fault.faults.map(statementOf).join('; ');
  const problem = problemOf(fault);
  return fault.about === '' ? problem : `${fault.about}: ${problem}`;
}

/** What is wrong, without the thing and the remedy. */
export function problemOf(fault: Fault | FaultOf): string {
  if ('faults' in fault) return statementOf(fault);
  return 'found' in fault ? `found ${fault.found}, expected ${fault.expected}` : fault.problem;
}

/** The same fault of a thing in another thing: of a field in a file, of an address in a setting. */
export function within(about: string, fault: Fault): Fault {
  if ('faults' in fault) return { ...fault, faults: fault.faults.map((each) => within(about, each)) };
  return { ...fault, about: fault.about === '' ? about : `${about}: ${fault.about}` };
}

function closed(sentence: string): string {
  return /[.!?…]$/.test(sentence) ? sentence : `${sentence}.`;
}

/** Words that are written small at the start of a sentence, too: names of fields, files and commands. */
const name = /^[a-z]+[.\d_/`A-Z-]/;

function capitalized(sentence: string): string {
  return name.test(sentence) ? sentence : sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

/** The base of every error that this project makes. */
export abstract class DistilleryError extends Error {
  /** The class, in a form that survives a thread and a minifier; no two classes share one. */
  abstract readonly kind: string;
  abstract readonly retry: Retry;
  readonly fault: Fault;

  constructor(fault: Fault, options?: ErrorOptions) {
    super(sentenceOf(fault), options);
    this.fault = fault;
  }
}

type Detail = string | number | boolean | null;

/** An error as plain data: a structured clone would lose its class and its fields. */
export interface CrossingError {
  readonly name: string;
  readonly kind: string;
  readonly retry: Retry;
  readonly fault: Fault;
  readonly stack: string;
  /** Its other fields that are texts, numbers, booleans or null. */
  readonly details: Readonly<Record<string, Detail>>;
}

const common: ReadonlySet<string> = new Set(['name', 'kind', 'retry', 'fault', 'message', 'stack', 'cause']);

export function crossingOf(error: DistilleryError): CrossingError {
  const { name: className, kind, retry, fault, stack = '' } = error;
  const details = Object.entries(error).filter(
    (entry): entry is [string, Detail] => !common.has(entry[0]) && isDetail(entry[1]),
  );
  return { name: className, kind, retry, fault, stack, details: Object.fromEntries(details) };
}

function isDetail(value: unknown): value is Detail {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

/** An error of another thread: of the kind, the fault and the stack that it had there. */
class RevivedError extends DistilleryError {
  override readonly name: string;
  readonly kind: string;
  readonly retry: Retry;

  constructor({ name: className, kind, retry, fault, stack, details }: CrossingError) {
    super(fault);
    Object.assign(this, details);
    this.name = className;
    this.kind = kind;
    this.retry = retry;
    this.stack = stack;
  }
}

export function revived(crossing: CrossingError): DistilleryError {
  return new RevivedError(crossing);
}
