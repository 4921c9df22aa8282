/**
 * What `distill run` and `distill init` take from the environment, beyond what every command does (shell-config.ts);
 * docs/guide.md lists the variables.
 */
import { availableParallelism } from 'node:os';
import { join, relative, sep } from 'node:path';

import { nativeFolderName, quietLibraries } from '@distillery/protocol';
import { endpointVariable, ratioVariable } from '@distillery/tracing';

import type { RemoteEnvironment } from './local/commands.js';
import { cacheFolderOf } from './shared/cache-folder.js';
import type { StartedBy } from './shared/own-command.js';

export interface Config {
  /**
   * DISTILL_NATS_URL: running servers to use; undefined = start one. It may hold a login: never print it.
   */
  readonly natsUrl: string | undefined;
  readonly path: string;
  readonly startedBy: StartedBy;
  /** Cores of this machine: the default number of slots of a local run. */
  readonly cores: number;
  /** Where an installed NATS server and copies of remote files are kept; null = there is no such folder. */
  readonly cacheFolder: string | null;
  /** Variables for worker processes: enough to run, no secrets. */
  readonly workerEnvironment: Readonly<Record<string, string>>;
  /** More variables for workers that read remote places. */
  readonly remote: RemoteEnvironment;
  /** Variables for the tools that install a NATS server, such as those of a proxy: all of this process. */
  readonly installEnvironment: NodeJS.ProcessEnv;
}

const passedOn = [
  'PATH',
  'HOME',
  'TMPDIR',
  'LANG',
  'TZ',
  'NODE_EXTRA_CA_CERTS',
  'DISTILL_RUNTIME',
  'DISTILL_NATIVE_FOLDER',
  'DISTILL_LOG_LEVEL',
  'NODE_COMPILE_CACHE',
  'NODE_DISABLE_COMPILE_CACHE',
  endpointVariable,
  ratioVariable,
];
const ofCaches = ['DISTILL_CACHE_FOLDER', 'DISTILL_CACHE_BYTES'];
const ofBuckets = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_REGION',
  'AWS_DEFAULT_REGION',
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_S3',
];

/**
 * @param home as `os.homedir`, which throws for a user that the system does not know
 * @param compiled folder of compiled modules; null = there is none
 */
export function readConfig(environment: NodeJS.ProcessEnv, home: () => string, compiled: string | null): Config {
  const cacheFolder = cacheFolderOf(environment, home);
  return {
    natsUrl: environment.DISTILL_NATS_URL === '' ? undefined : environment.DISTILL_NATS_URL,
    path: environment.PATH ?? '',
    startedBy: startedBy(environment),
    cores: availableParallelism(),
    cacheFolder,
    workerEnvironment: {
      ...(cacheFolder === null
        ? {}
        : {
            // Where `npm run native` builds it; a worker looks whether it is there.
            DISTILL_NATIVE_FOLDER: join(cacheFolder, nativeFolderName),
          }),
      // A teacher that starts sooner answers sooner.
      ...(compiled === null ? {} : { NODE_COMPILE_CACHE: compiled }),
      ...given(environment, passedOn),
      ...quietLibraries,
    },
    remote: {
      cache: {
        ...(cacheFolder === null ? {} : { DISTILL_CACHE_FOLDER: join(cacheFolder, 'places') }),
        ...given(environment, ofCaches),
      },
      buckets: given(environment, ofBuckets),
    },
    installEnvironment: environment,
  };
}

/** Those of the variables that are set. */
function given(environment: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> {
  const set = names.flatMap((name) => {
    const value = environment[name];
    // An empty variable of ours, as in `DISTILL_RUNTIME= distill run`, means that it is not set.
    const isUnset = value === undefined || (value === '' && name.startsWith('DISTILL_'));
    return isUnset ? [] : [[name, value] as const];
  });
  return Object.fromEntries(set);
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
