/** The table of runtimes, and the choice among them. A new runtime is a name in the protocol and a row here. */
import { alternatives, statementOf } from '@distillery/base';
import { type RuntimeChoice, runtimeChoices, type RuntimeName, runtimeNames } from '@distillery/protocol';
import { hostRuntime } from './host.js';
import { type Runtime, type RuntimeEntry, RuntimeError, type Work } from './runtime.js';

const rows: Readonly<Record<RuntimeName, Omit<RuntimeEntry, 'name'>>> = {
  wasm: {
    available: (work) =>
      Promise.resolve(
        work === 'onnx' || 'WebAssembly' in globalThis
          ? null
          : { problem: 'WebAssembly is not supported here', remedy: 'use runtime cpu' },
      ),
    start: (work) => hostRuntime('wasm', work, async () => (await import('./wasm/start.js')).startWasm()),
  },
  cpu: {
    available: () => Promise.resolve(null),
    start: (work) => hostRuntime('cpu', work, async () => (await import('./cpu.js')).startCpu()),
  },
};

/** In order of preference. */
export const runtimeTable: readonly RuntimeEntry[] = runtimeNames.map((name) => ({ name, ...rows[name] }));

/**
 * Opens the runtime of this thread. tfjs has one current backend a thread, so the last runtime that was opened is the one
 * that computes.
 * @param choice `auto` takes the first of the table that works here
 * @throws RuntimeError
 */
export async function openRuntime(
  choice: RuntimeChoice,
  work: Work,
  table: readonly RuntimeEntry[] = runtimeTable,
): Promise<Runtime> {
  if (choice !== 'auto') {
    const entry = table.find(({ name }) => name === choice);
    if (entry !== undefined) return started(entry, work);
    throw new RuntimeError(choice, {
      problem: 'there is no runtime of this name',
      remedy: `set DISTILL_RUNTIME to ${alternatives(runtimeChoices)}`,
    });
  }
  const refusals: string[] = [];
  for (const entry of table) {
    try {
      return await started(entry, work);
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      refusals.push(statementOf(error.fault));
    }
  }
  throw new RuntimeError('auto', {
    problem: `no runtime works here (${refusals.join('; ')})`,
    remedy: 'use the worker image, or repair one of them',
  });
}

async function started(entry: RuntimeEntry, work: Work): Promise<Runtime> {
  const reason = await entry.available(work);
  if (reason !== null) throw new RuntimeError(entry.name, reason);
  return entry.start(work);
}
