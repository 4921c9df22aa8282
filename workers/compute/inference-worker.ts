/** The compute thread of a teacher: opens its model and answers batches. Started by inference-thread.ts. */
import type { Samples } from '../samples/index.js';
import {
  formatsOf,
  type Inference,
  type ModelFormat,
  openTeacher,
  type TeacherSource,
} from '../models/inference/index.js';
import { type NativeSettings, type OpenedRuntime, openRuntime, runtimeTable } from '../runtimes/index.js';
import type { RuntimeChoice } from '@distillery/protocol';
import { serveCompute } from './serve.js';

/** What the main thread gives; the runtime is opened here, since there is one per thread. */
export interface InferenceWorkerSource extends TeacherSource {
  readonly runtime: RuntimeChoice;
  /** Absent = this machine has no runtime `native`. */
  readonly native?: NativeSettings;
}

let opened: Inference | undefined;

/** A model of the thread, by its index in the ensemble; null = what all of them answer together. */
interface Asked {
  readonly at: number | null;
  readonly samples: Samples;
}

function modelAt(at: number | null): Pick<Inference, 'infer' | 'textsOf'> {
  const model = at === null ? inference() : inference().members[at];
  if (model === undefined) throw new RangeError(`inference thread: no member ${String(at)}`);
  return model;
}

function inference(): Inference {
  if (opened === undefined) throw new Error('inference thread: expected `open` before any other call');
  return opened;
}

/**
 * Frees the memory of samples that were answered: the collector would search the whole heap for each 100 or so of them.
 * @param answer keeps its memory, also where it is that of the samples
 */
function release({ inputs }: Samples, answer: Float32Array): void {
  for (const { data } of Object.values(inputs)) {
    if (!ArrayBuffer.isView(data) || !(data.buffer instanceof ArrayBuffer)) continue;
    // Two inputs may share theirs.
    if (data.buffer !== answer.buffer && !data.buffer.detached) data.buffer.transfer(0);
  }
}

const handlers = {
  open: async ({ runtime: choice, native, ...source }: InferenceWorkerSource) => {
    const runtimes = new Map<ModelFormat, OpenedRuntime>();
    for (const format of formatsOf(source)) {
      runtimes.set(format, await openRuntime(choice, format, runtimeTable(native)));
    }
    opened = await openTeacher(source, (file) => {
      const runtime = runtimes.get(file.format);
      if (runtime === undefined) throw new RangeError(`open: no runtime for ${file.format}`);
      return runtime.openSession(file);
    });
    const { columns, digest, digestHex, description, notes, members } = opened;
    const ofRuntimes = [...new Set([...runtimes.values()].flatMap((runtime) => runtime.notes))];
    return {
      columns,
      // A copy, since results are moved out of this thread.
      digest: digest.slice(),
      digestHex,
      description,
      notes: [...ofRuntimes, ...notes],
      members: members.map(({ name }) => name),
    };
  },
  infer: async ({ at, samples }: Asked) => {
    const answer = await modelAt(at).infer(samples);
    release(samples, answer);
    return answer;
  },
  textsOf: ({ at, samples }: Asked) => modelAt(at).textsOf(samples),
};
export type InferenceHandlers = typeof handlers;

serveCompute(handlers);
