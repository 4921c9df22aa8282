/** `distill events`: what happened to a job and to what the operator made for it. */
import { printableJson } from '@distillery/base';

import { kinds } from '../../cluster/kubernetes/index.js';

import type { ClusterReader } from './cluster-reader.js';
import { eventTable } from './job-page.js';
import { namedJob } from './named-job.js';
import { eventsOf } from './seen-events.js';

export interface EventsOptions {
  readonly job: string;
  readonly namespace: string;
  readonly warnings: boolean;
  readonly json: boolean;
}

export interface EventsTools {
  readonly cluster: ClusterReader;
  readonly kubectlOptions: readonly string[];
  readonly say: (line: string) => void;
}

/** @throws CliError */
export async function events(options: EventsOptions, { cluster, kubectlOptions, say }: EventsTools): Promise<void> {
  const { job, namespace, warnings, json } = options;
  const named = await namedJob(cluster, namespace, job, kubectlOptions);
  const found = eventsOf(await cluster.list(kinds.events, { namespace }), named.job).filter(
    ({ severity }) => !warnings || severity === 'Warning',
  );
  if (json) for (const event of found) say(printableJson(JSON.stringify(event)));
  else
    say(
      found.length === 0
        ? `No events of job ${namespace}/${job}: an API server keeps them for an hour.`
        : eventTable(found),
    );
}
