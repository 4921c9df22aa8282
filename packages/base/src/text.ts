/** Decodes the text of files that people wrote, whatever editor and system they used. Pure. */

import { DistilleryError } from './fault.js';

/** The bytes are not text in any encoding that this project reads. */
export class TextError extends DistilleryError {
  override readonly name = 'TextError';
  readonly kind = 'Text';
  readonly retry = 'Never';

  constructor(encoding: string, options?: ErrorOptions) {
    super({ about: '', problem: `not valid ${encoding} text`, remedy: 'save it as UTF-8' }, options);
  }
}

/**
 * Decodes UTF-8, with or without a byte-order mark, and UTF-16 in both byte orders with one. The mark is removed.
 * @throws TextError when the bytes are not valid in the encoding that they announce; the message starts with "not valid"
 */
export function decodeText(bytes: Uint8Array): string {
  const encoding = announcedEncoding(bytes);
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new TextError(encoding.toUpperCase(), { cause });
  }
}

function announcedEncoding(bytes: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return 'utf-8';
}
