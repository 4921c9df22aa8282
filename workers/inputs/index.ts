/** The door of the room of inputs: from samples to what a model takes. */
export { InputError } from './errors.js';
export { shapeText } from './model-input.js';
export type { AxisSize, ElementType, Feed, FeedData, ModelInput } from './model-input.js';
export { elementTypes } from './model-input.js';
export { openInputs } from './plan.js';
export type { ReadBack } from './read-back.js';
export type { InputSource, ModelInputs } from './plan.js';
export type { InputSettings } from './match.js';
export { openTokenizer } from './tokenizer.js';
