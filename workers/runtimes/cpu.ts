/** Starts tfjs in plain JavaScript: slow, but it needs nothing of the machine. */
import '@tensorflow/tfjs-backend-cpu';
import { setBackend } from './backend.js';
import { replaceGradients } from './cpu-kernels.js';
import { RuntimeError } from './runtime.js';

/**
 * @returns the runtime's description
 * @throws RuntimeError
 */
export async function startCpu(): Promise<string> {
  replaceGradients();
  if (!(await setBackend('cpu'))) {
    throw new RuntimeError('cpu', { problem: 'its tfjs backend did not start', remedy: 'install the packages again' });
  }
  return 'cpu (plain JavaScript)';
}
