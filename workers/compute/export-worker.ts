/** The thread that writes a trained model as ONNX and runs it once. Started by export-thread.ts. */
import { exportChecked, type OnnxOrder } from '../models/export.js';
import { serveCompute } from './serve.js';

const handlers = { export: (order: OnnxOrder) => exportChecked(order) };
export type ExportHandlers = typeof handlers;

serveCompute(handlers);
