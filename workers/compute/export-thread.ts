/**
 * The export of a trained model as ONNX, on a thread of its own: onnxruntime is native code, which must not be ended in
 * the middle of a call, and the trainer's thread may be ended at any time.
 */
import { OnnxExportError, type OnnxOrder } from '../models/export.js';
import type { ExportHandlers } from './export-worker.js';
import { startCompute } from './thread.js';

/**
 * Memory that the export needs beside what the process has: the weights, the file, and the copies of the ONNX runtime,
 * with room for the runtime itself. Measured with 240 MiB of weights: 5.5 times as much.
 */
const copies = 6;
const runtimeBytes = 32 * 2 ** 20;

export interface ExportLimits {
  /** Longest time for all of it. */
  readonly limitSeconds: number;
  /** Memory that the process may still take. */
  readonly freeBytes: number;
}

/**
 * @param order its arrays are given up by the caller
 * @param module the compiled export-worker; given only where this file does not run compiled
 * @returns the bytes of a file that gives the trainer's logits
 * @throws an error of kind OnnxExport or Topology; ComputeError
 */
export async function exportInThread(
  order: OnnxOrder,
  { limitSeconds, freeBytes }: ExportLimits,
  module: URL = new URL('./export-worker.js', import.meta.url),
): Promise<Uint8Array> {
  const neededBytes = copies * order.model.weights.length + runtimeBytes;
  // Better no file than a process that is killed for its memory, again at each attempt.
  if (neededBytes > freeBytes) {
    const problem = `making it needs ${inMiB(neededBytes)} of memory, and the student has ${inMiB(freeBytes)} left`;
    throw new OnnxExportError('model.onnx', problem);
  }
  const thread = startCompute<ExportHandlers>(module, { name: 'export', ending: 'afterCall', limitSeconds });
  try {
    return (await thread.call('export', order)).value;
  } finally {
    await thread.close();
  }
}

function inMiB(bytes: number): string {
  return `${String(Math.ceil(bytes / 2 ** 20))} MiB`;
}
