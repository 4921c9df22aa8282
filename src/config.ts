/** The only reader of the environment (DESIGN §6); docs/guide.md lists the variables. */
import { availableParallelism } from 'node:os';

import { quietLibraries } from '@distillery/protocol';

export interface Config {
  /** DISTILL_NATS_URL, not empty: running servers to use instead of an own one; may hold a login, so it is never printed. */
  readonly natsUrl: string | undefined;
  readonly path: string;
  /** KUBECONFIG: files with the system's separator between them. */
  readonly kubeconfig: string | undefined;
  /** True when the terminal cannot move its cursor. */
  readonly dumbTerminal: boolean;
  /** Started by an npm script, so that `distill` is not on PATH. */
  readonly throughNpm: boolean;
  /** DISTILL_LOG_LEVEL: how much is printed of an error that is a fault of our own. */
  readonly faults: 'sentence' | 'stack';
  /** Cores of this machine: slots of a local run. */
  readonly cores: number;
  /** What worker processes get of our environment: enough to run, nothing secret. */
  readonly workerEnvironment: Readonly<Record<string, string>>;
}

const passedOn = [
  'PATH',
  'HOME',
  'TMPDIR',
  'LANG',
  'TZ',
  'NODE_EXTRA_CA_CERTS',
  'DISTILL_RUNTIME',
  'DISTILL_LOG_LEVEL',
];

export function readConfig(environment: NodeJS.ProcessEnv): Config {
  return {
    natsUrl: environment.DISTILL_NATS_URL === '' ? undefined : environment.DISTILL_NATS_URL,
    path: environment.PATH ?? '',
    kubeconfig: environment.KUBECONFIG,
    dumbTerminal: environment.TERM === 'dumb',
    throughNpm: environment.npm_lifecycle_event !== undefined,
    faults: ['debug', 'trace'].includes(environment.DISTILL_LOG_LEVEL ?? '') ? 'stack' : 'sentence',
    cores: availableParallelism(),
    workerEnvironment: {
      ...Object.fromEntries(
        passedOn.flatMap((name) => {
          const value = environment[name];
          return value === undefined ? [] : [[name, value]];
        }),
      ),
      ...quietLibraries,
    },
  };
}
