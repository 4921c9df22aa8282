/** The libraries that compute teachers' models, by format. Each is loaded when the first model of its format is opened. */
import type { ModelSession, ModelFile, ModelFormat } from './inference.js';
import type { TfjsDevice } from './tfjs-device.js';

/** Where a runtime computes, as far as the libraries ask. */
export interface SessionDevice extends TfjsDevice {
  /** The execution provider of onnxruntime. */
  readonly device: 'cpu' | 'cuda';
  /** Opens SavedModels; absent = the runtime has no TensorFlow. */
  readonly openSavedModel?: (file: ModelFile) => Promise<ModelSession>;
}

const libraries = {
  onnx: async (file, { device }) => (await import('./onnx.js')).openOnnx(file, device),
  'tfjs-layers': async (file, where) => (await import('./tfjs.js')).openTfjs(file, where),
  'tfjs-graph': async (file, where) => (await import('./tfjs-graph.js')).openTfjsGraph(file, where),
  'saved-model': (file, { openSavedModel }) => {
    // The table of runtimes offers only one that has it.
    if (openSavedModel === undefined)
      return Promise.reject(new RangeError('saved-model: a runtime without TensorFlow'));
    return openSavedModel(file);
  },
} satisfies Record<ModelFormat, (file: ModelFile, where: SessionDevice) => Promise<ModelSession>>;

/** @throws ModelError when the library refuses the file */
export function openSession(file: ModelFile, where: SessionDevice): Promise<ModelSession> {
  return libraries[file.format](file, where);
}

/** @returns why onnxruntime cannot compute on this device, in its words; null when it can */
export async function deviceFault(device: SessionDevice['device']): Promise<string | null> {
  return (await import('./onnx.js')).deviceFault(device);
}
