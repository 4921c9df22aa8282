/** What computes a teacher while `distill init` looks at it. */
import type { RuntimeChoice } from '@distillery/protocol';

import type { TeacherFormat } from '../draft/index.js';
import { noNative, type OpenedRuntime, openRuntime, runtimeTable } from '../runtimes/index.js';

export interface InitMachine {
  readonly runtime: RuntimeChoice;
  /** A build of TensorFlow; null = none. */
  readonly nativeFolder: string | null;
}

/** A build of TensorFlow is loaded for the models that need it alone: it takes longer than the answers. @throws RuntimeError */
export function runtimeFor(format: TeacherFormat, { runtime, nativeFolder }: InitMachine): Promise<OpenedRuntime> {
  if (format !== 'saved-model') return openRuntime(runtime, format);
  return openRuntime(runtime, format, runtimeTable({ ...noNative, folder: nativeFolder }));
}
