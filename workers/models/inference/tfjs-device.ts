/** What computes models of tfjs. */
import type { Device } from '../device.js';

export interface TfjsDevice {
  /** For people: the current backend of tfjs. */
  readonly tfjs: string;
  /** Below that backend, where it has programs. */
  readonly programs?: Device | undefined;
}
