/** What a command gets from the outside world; made once, in main.ts. */
import type { Readable } from 'node:stream';

import type { Clock } from '@distillery/base';

import type { FoundNatsServer } from '../stream/index.js';
import type { Log } from '../telemetry/index.js';

import type { Ending } from './shared/exit.js';
import type { ClusterReader } from './cluster/kube-reader.js';
import type { Terminal } from './local/output.js';

export interface EngineContext {
  readonly terminal: Terminal;
  readonly stdin: Readable;
  /** How this person calls the command, as words for a shell: `distill`, or through npm. */
  readonly command: string;
  readonly clock: Clock;
  /** False when the folder that the command was started in is gone. */
  readonly hasWorkingFolder: boolean;
  readonly pid: number;
  /** Slots of a run when nobody says otherwise. */
  readonly cores: number;
  newUid(): string;
  /** Compiled entry files of the worker processes. */
  readonly scripts: { readonly teacher: string; readonly student: string; readonly evaluate: string };
  /** What every worker process gets of our environment. */
  readonly environment: Readonly<Record<string, string>>;
  openLog(path: string): Log;
  /** @throws StreamError when there is no server and none can be got; the reason of `stop` once it aborts */
  findNats(progress: (line: string) => void): Promise<FoundNatsServer>;
  /** The API server that a kubeconfig names. @throws CliError when it cannot be used */
  openJobs(options: {
    readonly kubeconfig: string | undefined;
    readonly context: string | undefined;
  }): Promise<ClusterReader>;
  /** Aborts on Ctrl-C, SIGTERM, or when nobody reads the output any more. */
  readonly stop: AbortSignal;
  /** How the process ends after `stop`. */
  stopEnding(): Exclude<Ending, 'ok'>;
}
