/** The current backend of tfjs on this thread: tfjs computes with the one that was set last. */
import * as tf from '@tensorflow/tfjs-core';

/** @returns whether the backend, registered by an import before, started */
export async function setBackend(name: string): Promise<boolean> {
  // Without it tfjs writes hints to stderr, such as an advertisement of another package.
  tf.env().set('PROD', true);
  return tf.setBackend(name);
}

/** @throws Error when another backend was set meanwhile */
export function requireBackend(name: string): void {
  const current = tf.getBackend();
  if (current === name) return;
  throw new Error(`tfjs computes with backend ${current}, not ${name}; open runtime ${name} again`);
}
