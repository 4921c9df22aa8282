/** The settings of the command, from the environment; docs/guide.md lists the variables. */
import { availableParallelism } from 'node:os';
import { relative, sep } from 'node:path';

import { quietLibraries } from '@distillery/protocol';

/** What started this process. npm puts `distill` on the PATH of its own children alone. */
export type StartedBy =
  | { readonly kind: 'shell' }
  /** npx, or a script of a package that depends on this one. */
  | { readonly kind: 'npx' }
  /** A script of this package; `prefix` is its folder when the person was elsewhere. */
  | { readonly kind: 'npmScript'; readonly prefix: string | null };

export interface Config {
  /** DISTILL_NATS_URL, not empty: running servers to use instead of an own one; may hold a login, so it is never printed. */
  readonly natsUrl: string | undefined;
  readonly path: string;
  /** KUBECONFIG: files with the system's separator between them. */
  readonly kubeconfig: string | undefined;
  /** True when the terminal cannot move its cursor. */
  readonly dumbTerminal: boolean;
  readonly startedBy: StartedBy;
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
    startedBy: startedBy(environment),
    faults: ['debug', 'trace'].includes(environment.DISTILL_LOG_LEVEL ?? '') ? 'stack' : 'sentence',
    cores: availableParallelism(),
    workerEnvironment: {
      ...Object.fromEntries(
        passedOn.flatMap((name) => {
          const value = environment[name];
          // Empty as in `DISTILL_RUNTIME= distill run`: not set.
          const isUnset = value === undefined || (value === '' && name.startsWith('DISTILL_'));
          return isUnset ? [] : [[name, value]];
        }),
      ),
      ...quietLibraries,
    },
  };
}

function startedBy({
  npm_lifecycle_event: event,
  npm_package_name: name,
  npm_config_local_prefix: prefix,
  INIT_CWD: from,
}: NodeJS.ProcessEnv): StartedBy {
  if (event === undefined) return { kind: 'shell' };
  if (event === 'npx' || name !== 'distillery') return { kind: 'npx' };
  const inside = prefix === undefined || from === undefined || relative(prefix, from).split(sep)[0] !== '..';
  return { kind: 'npmScript', prefix: inside ? null : prefix };
}
