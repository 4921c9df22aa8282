/** How texts become the inputs of a model of tokens: ids, mask and segment of each token. */
import { elementsOf } from './element.js';
import { InputError } from './errors.js';
import { type Feed, type ModelInput, shapeText } from './model-input.js';
import type { TokenRole } from './settings.js';
import type { Tokenizer, Tokens } from './tokenizer.js';

/** Names of inputs whose role is known without a setting, as Hugging Face's models have them. */
const rolesByName: Readonly<Record<string, TokenRole>> = {
  input_ids: 'Ids',
  attention_mask: 'Mask',
  token_type_ids: 'TypeIds',
};

/** The role of an input by its name; undefined = the name says nothing. */
export function roleOf(input: string): TokenRole | undefined {
  return rolesByName[input];
}

export interface PlannedTokens {
  readonly description: string;
  /** @param tokens one for each sample */
  feed(tokens: readonly Tokens[]): Feed;
}

/**
 * Rows are as long as the input's axis, or as the longest text of the batch where that axis is free.
 * @throws InputError when the input is no matrix
 */
export function planTokens(about: string, input: ModelInput, role: TokenRole, tokenizer: Tokenizer): PlannedTokens {
  const [, length, ...more] = input.shape;
  if (length === undefined || more.length > 0) {
    throw new InputError({
      about,
      found: `an input ${input.name} of shape ${shapeText(input.shape)}`,
      expected: '[N, tokens]',
      remedy: 'export the model with such an input',
    });
  }
  const filler = role === 'Ids' ? tokenizer.padId : 0;
  return {
    description: `tokens ${role} of ${input.dtype}, ${length === null ? `at most ${String(tokenizer.maxTokens)}` : String(length)}`,
    feed: (tokens) => {
      const longest = tokens.reduce((most, { ids }) => Math.max(most, ids.length), 1);
      const width = length ?? longest;
      const values = new Int32Array(tokens.length * width).fill(filler);
      for (const [row, { ids, typeIds }] of tokens.entries()) {
        const given = role === 'Ids' ? ids : role === 'TypeIds' ? typeIds : ids.map(() => 1);
        values.set(given.slice(0, width), row * width);
      }
      return { dtype: input.dtype, shape: [tokens.length, width], data: elementsOf(input.dtype, values, input.name) };
    },
  };
}
