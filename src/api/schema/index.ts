/** The door of src/api/schema. A value against a schema. */
export { withDefaults } from './defaults.js';
export {
  formatProblems,
  mismatch,
  nameValue,
  notSupported,
  type Position,
  type Problem,
  problemAt,
  problemParagraphs,
  violation,
  within,
} from './problem.js';
export { milliAmount, QuantityError, quantityValue, resourceAmount } from './quantity.js';
export { brokenRules, brokenTransitions } from './rules.js';
export { type Fields, isFields, joinPath, type Schema } from './schema.js';
export {
  allOf,
  anyFlag,
  anyObject,
  anyText,
  type Check,
  fields,
  listOf,
  mapOf,
  oneText,
  wholeNumber,
} from './shape.js';
export { exceeds, jobLimit, templateLimit, tooLarge } from './size.js';
export { readSource, type SourceDocument, type SourceOptions } from './source.js';
export { checkStructure } from './structure.js';
export { withoutUnknown } from './unknown.js';
