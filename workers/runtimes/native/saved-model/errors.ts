/** Why a SavedModel is not loaded. */
import { DistilleryError } from '@distillery/base';

export interface SavedModelFault {
  readonly found: string;
  readonly expected: string;
  readonly remedy: string;
}

/** The caller adds the path. */
export class SavedModelError extends DistilleryError {
  override readonly name = 'SavedModelError';
  readonly kind = 'SavedModel';
  readonly retry = 'Never';

  constructor(
    readonly refusal: SavedModelFault,
    options?: ErrorOptions,
  ) {
    super({ ...refusal, about: 'SavedModel' }, options);
  }
}

const longestName = 100;

/** A name out of the file, safe to print. */
export function shown(name: string): string {
  const safe = name.replace(/[\p{Cc}\p{Cf}"]/gu, ' ');
  return safe.length <= longestName ? safe : `${safe.slice(0, longestName)}…`;
}

export const saveAgain = 'save the model again with tf.saved_model.save or model.export';
