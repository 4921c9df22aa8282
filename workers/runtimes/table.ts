/** The table of runtimes, and the choice among them. A new runtime is a name in the protocol and a row here. */
import { alternatives, statementOf } from '@distillery/base';
import { type RuntimeChoice, runtimeChoices, type RuntimeName, runtimeNames } from '@distillery/protocol';
import { cudaMissing, startCuda } from './cuda.js';
import { hostRuntime } from './host.js';
import { nativeMissing, type NativeSettings, noNative } from './native/settings.js';
import { type Reason, type Runtime, type RuntimeEntry, RuntimeError, type Work } from './runtime.js';

type Rows = Readonly<Record<RuntimeName, Omit<RuntimeEntry, 'name'>>>;

const noSavedModels: Reason = { problem: 'it computes no SavedModel', remedy: 'use runtime native' };

const rowsOf = (native: NativeSettings): Rows => ({
  cuda: {
    available: (work) => Promise.resolve(cudaMissing(work, native)),
    start: (work) => startCuda(work, native),
  },
  native: {
    available: (work) => Promise.resolve(nativeMissing(native, work)),
    // ONNX needs neither TensorFlow nor tfjs.
    start: async (work) =>
      work === 'onnx'
        ? hostRuntime('native', work, () => Promise.resolve(''))
        : (await import('./native/runtime.js')).nativeRuntime(native, work),
  },
  wasm: {
    available: (work) =>
      Promise.resolve(
        work === 'saved-model'
          ? noSavedModels
          : work === 'onnx' || 'WebAssembly' in globalThis
            ? null
            : { problem: 'WebAssembly is not supported here', remedy: 'use runtime cpu' },
      ),
    start: (work) => hostRuntime('wasm', work, async () => (await import('./wasm/start.js')).startWasm()),
  },
  cpu: {
    available: (work) => Promise.resolve(work === 'saved-model' ? noSavedModels : null),
    start: (work) => hostRuntime('cpu', work, async () => (await import('./cpu.js')).startCpu()),
  },
});

/** In order of preference. @param native what this process knows of the native runtime; absent = there is none */
export function runtimeTable(native: NativeSettings = noNative): readonly RuntimeEntry[] {
  const rows = rowsOf(native);
  return runtimeNames.map((name) => ({ name, ...rows[name] }));
}

/** The runtime of this thread. */
export interface OpenedRuntime extends Runtime {
  /** Why `auto` did not take runtimes that are available here, in sentences: a person should know that it is slower. */
  readonly notes: readonly string[];
}

/**
 * Opens the runtime of this thread. tfjs has one current backend a thread, so the last runtime that was opened is the one
 * that computes.
 * @param choice `auto` takes the first of the table that works here
 * @throws RuntimeError
 */
export async function openRuntime(
  choice: RuntimeChoice,
  work: Work,
  table: readonly RuntimeEntry[] = runtimeTable(),
): Promise<OpenedRuntime> {
  if (choice === 'auto') return openPreferred(work, table);
  const entry = table.find(({ name }) => name === choice);
  if (entry === undefined) {
    throw new RuntimeError(choice, {
      problem: 'there is no runtime of this name',
      remedy: `set DISTILL_RUNTIME to ${alternatives(runtimeChoices)}`,
    });
  }
  const reason = await entry.available(work);
  if (reason !== null) throw new RuntimeError(entry.name, reason);
  return { ...(await entry.start(work)), notes: [] };
}

async function openPreferred(work: Work, table: readonly RuntimeEntry[]): Promise<OpenedRuntime> {
  const missing: RuntimeError[] = [];
  const failed: RuntimeError[] = [];
  for (const entry of table) {
    const reason = await entry.available(work);
    if (reason !== null) {
      missing.push(new RuntimeError(entry.name, reason));
      continue;
    }
    try {
      return { ...(await entry.start(work)), notes: failed.map(({ message }) => message) };
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      failed.push(error);
    }
  }
  // Of the runtimes that never compute a SavedModel, and of devices that are not there, nothing is said.
  const isNews = ({ runtime }: RuntimeError): boolean => work !== 'saved-model' || runtime === 'native';
  const faults = [...missing.filter(isNews), ...failed];
  const [only, another] = faults;
  if (work === 'saved-model' && only !== undefined && another === undefined) throw only;
  const statements = faults.map(({ fault }) => statementOf(fault));
  throw new RuntimeError('auto', {
    problem: `no runtime works here (${statements.join('; ')})`,
    remedy: 'use the worker image, or repair one of them',
  });
}
