/** Which ending an error calls for: what another attempt would meet again is terminal, the rest may pass. */
import type { WorkerEnding } from '@distillery/protocol';

import { WorkerError } from '../base/index.js';
import { CheckpointError, StoreError } from '../checkpoint/index.js';
import { DataError } from '../data/index.js';
import { LogitsError, ModelError } from '../models/inference/index.js';
import { BatchError, NumericError, StateError, StudentModelError } from '../models/training.js';

/** A LogitsError comes this far only from the self-test, whose samples are always the same. */
const terminalErrors = [
  DataError,
  ModelError,
  LogitsError,
  StudentModelError,
  StateError,
  BatchError,
  NumericError,
  CheckpointError,
] as const;

export function endingOf(error: unknown): Exclude<WorkerEnding, 'done'> {
  if (error instanceof WorkerError) return error.ending;
  if (error instanceof StoreError) return error.kind === 'tooSmall' ? 'terminal' : 'storage';
  return terminalErrors.some((type) => error instanceof type) ? 'terminal' : 'error';
}
