/**
 * The door of base: small helpers that every side uses. Everything behind it is pure and free of Node's modules: no
 * clock, randomness, network, disk or environment.
 */
export { alternatives } from './alternatives.js';
export type { Clock } from './clock.js';
export { count } from './count.js';
export { writeRefusalOf } from './errno.js';
export type { WriteRefusal } from './errno.js';
export {
  crossingOf,
  DistilleryError,
  problemOf,
  revived,
  sentenceOf,
  sentenceWith,
  statementOf,
  within,
} from './fault.js';
export type { CrossingError, Fault, FaultOf, Retry, StatementFault, ValueFault } from './fault.js';
export { jsonEqual } from './json-equal.js';
export { isJsonObject, parsedJson } from './json-object.js';
export { markdownTable } from './markdown-table.js';
export { nearest } from './nearest.js';
export { omit } from './omit.js';
export { parseJson } from './parse-json.js';
export type { Reviver } from './parse-json.js';
export { matchesPattern } from './pattern.js';
export { printableUrl, withoutLogins } from './printable-url.js';
export { printable, printableJson, printableLines } from './printable.js';
export { redacted } from './redact.js';
export { mix32, randomFrom, seedOf } from './random.js';
export type { Random } from './random.js';
export { RecentMap } from './recent-map.js';
export { codeOf, reasonOf } from './system-error.js';
export { decodeText, TextError } from './text.js';
export { Turns } from './turns.js';
export { version } from './version.js';
