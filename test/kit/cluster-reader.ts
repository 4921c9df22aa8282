/** A cluster reader over objects in memory, which remembers what was changed. */
import type { ClusterReader, Selection } from '../../src/cli/cluster/cluster-reader.js';
import { CliError } from '../../src/cli/shared/cli-error.js';
import {
  ApiError,
  type DeviceObjects,
  type ResourceKind,
  type StoredObject,
} from '../../src/cluster/kubernetes/index.js';

export interface SeenObjects {
  readonly jobs: readonly object[];
  readonly pods?: readonly object[];
  readonly events?: readonly object[];
  readonly nodes?: readonly object[];
  /** Absent = they may not be listed. */
  readonly devices?: DeviceObjects;
  /** Lines of each pod's log; an error is thrown at its place. Lists of lines = one for each time it is read. */
  readonly logs?: Readonly<Record<string, readonly (string | Error)[] | readonly (readonly (string | Error)[])[]>>;
  /** Plurals of kinds that this person may not list. */
  readonly forbidden?: readonly string[];
  /** How many changes another one overtakes. */
  readonly overtaken?: number;
}

export interface FakeClusterReader extends ClusterReader {
  readonly patches: Readonly<Record<string, unknown>>[];
  readonly listed: { readonly plural: string; readonly selection: Selection }[];
}

export function forbidden(plural: string): CliError {
  const said = `${plural} is forbidden: User "ann" cannot list resource "${plural}"`;
  const fault = { about: '', problem: said, remedy: '' };
  const cause = new ApiError('forbidden', { doing: `list ${plural}`, fault, status: 403 });
  const problem = `the API server at https://api refused (403: ${said})`;
  return new CliError('unavailable', { about: plural, problem, remedy: 'ask for the right' }, { cause });
}

/** What an API server says of the log of a container that has not started. */
export function notStarted(): CliError {
  const fault = { about: '', problem: 'container "worker" is waiting to start: ContainerCreating', remedy: '' };
  const cause = new ApiError('badRequest', { doing: 'log', fault, status: 400 });
  return new CliError('unavailable', fault, { cause });
}

export function fakeClusterReader(seen: SeenObjects): FakeClusterReader {
  const patches: Readonly<Record<string, unknown>>[] = [];
  const listed: FakeClusterReader['listed'] = [];
  let overtaken = seen.overtaken ?? 0;
  const reads: Record<string, number> = {};
  const jobs = seen.jobs as StoredObject[];
  const jobObject = (namespace: string, name: string): StoredObject | null =>
    jobs.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name) ?? null;
  const objects: Readonly<Record<string, readonly object[] | undefined>> = {
    distilljobs: seen.jobs,
    pods: seen.pods,
    events: seen.events,
    nodes: seen.nodes,
  };
  return {
    namespace: 'default',
    server: 'https://api',
    patches,
    listed,
    readJob: (namespace, name) => Promise.resolve(jobObject(namespace, name) as never),
    readSecret: () => Promise.reject(new Error('no command but fetch reads Secrets')),
    readCluster: () => Promise.reject(new Error('not part of the fake')),
    readDevices: () => Promise.resolve(seen.devices ?? null),
    jobObject: (namespace, name) => Promise.resolve(jobObject(namespace, name)),
    list: ({ plural }: ResourceKind, selection: Selection) => {
      listed.push({ plural, selection });
      if (seen.forbidden?.includes(plural) === true) return Promise.reject(forbidden(plural));
      return Promise.resolve((objects[plural] ?? []) as StoredObject[]);
    },
    changeJob: (namespace, name, patch) => {
      if (overtaken > 0) {
        overtaken -= 1;
        return Promise.resolve('changed');
      }
      patches.push(patch);
      return Promise.resolve(jobObject(namespace, name)!);
    },
    async *log({ pod }) {
      await Promise.resolve();
      const found = seen.logs?.[pod] ?? [];
      const read = (reads[pod] = (reads[pod] ?? 0) + 1);
      const lines = found.every((one) => Array.isArray(one))
        ? ((found as readonly (readonly (string | Error)[])[])[read - 1] ?? [])
        : (found as readonly (string | Error)[]);
      for (const line of lines) {
        if (line instanceof Error) throw line;
        yield line;
      }
    },
  };
}
