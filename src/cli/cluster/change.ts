/** `distill suspend`, `distill resume` and `distill scale`: change one field of a job. */
import type { TeacherPool } from '../../api/index.js';

import { CliError } from '../shared/cli-error.js';

import type { ClusterReader } from './cluster-reader.js';
import { namedJob, type NamedJob, noPool } from './named-job.js';

export interface ChangeTools {
  readonly cluster: ClusterReader;
  readonly kubectlOptions: readonly string[];
  readonly say: (line: string) => void;
}

export interface JobName {
  readonly namespace: string;
  readonly job: string;
}

/** @throws CliError */
export async function setSuspended({ namespace, job }: JobName, suspend: boolean, tools: ChangeTools): Promise<void> {
  const { cluster, kubectlOptions, say } = tools;
  const named = await namedJob(cluster, namespace, job, kubectlOptions);
  const who = `job ${namespace}/${job}`;
  const { phase } = named.job.status ?? {};
  if (phase === 'Succeeded' || phase === 'Failed') {
    throw new CliError('badInput', {
      about: who,
      problem: `it is over (${phase})`,
      remedy: 'apply it under another name to run it again',
    });
  }
  if (named.job.spec.suspend === suspend) {
    say(`${who}: ${suspend ? 'it is suspended already' : 'it is not suspended'}`);
    return;
  }
  await changed(cluster, { namespace, job }, () => Promise.resolve({ spec: { suspend } }));
  say(
    suspend
      ? `${who}: suspended. Its student stores a checkpoint, then all of its slots are free.`
      : `${who}: resumed. It continues from its newest checkpoint.`,
  );
}

export interface ScaleOptions extends JobName {
  /** Absent = the only one. */
  readonly pool?: string;
  readonly most?: number;
  readonly least?: number;
}

/** @throws CliError */
export async function scale(options: ScaleOptions, tools: ChangeTools): Promise<void> {
  const { cluster, kubectlOptions, say } = tools;
  const { namespace, job, most, least } = options;
  let before: TeacherPool | undefined;
  let after: TeacherPool | undefined;
  await changed(cluster, options, async () => {
    const named = await namedJob(cluster, namespace, job, kubectlOptions);
    const pool = poolOf(named, options.pool);
    before = pool;
    after = { ...pool, minReplicas: least ?? pool.minReplicas, maxReplicas: most ?? pool.maxReplicas };
    if (after.minReplicas > after.maxReplicas) throw contradiction(named, after);
    const pools = named.job.spec.teacher.pools.map((one) => (one === pool ? after : one));
    // A merge patch replaces the whole list, so it holds for this version alone.
    return { metadata: { resourceVersion: named.object.metadata.resourceVersion }, spec: { teacher: { pools } } };
  });
  const range = ({ minReplicas, maxReplicas }: TeacherPool): string =>
    `${String(minReplicas)} to ${String(maxReplicas)}`;
  if (before === undefined || after === undefined) return;
  say(`job ${namespace}/${job}, pool ${after.name}: ${range(before)} teachers before, ${range(after)} now`);
}

/** Attempts at a change that another one overtakes. */
const attempts = 5;

async function changed(
  cluster: ClusterReader,
  { namespace, job }: JobName,
  patch: () => Promise<Readonly<Record<string, unknown>>>,
): Promise<void> {
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    if ((await cluster.changeJob(namespace, job, await patch())) !== 'changed') return;
  }
  throw new CliError('unavailable', {
    about: `job ${namespace}/${job}`,
    problem: `others changed it ${String(attempts)} times meanwhile`,
    remedy: 'try again',
  });
}

function poolOf(named: NamedJob, wanted: string | undefined): TeacherPool {
  const { pools } = named.job.spec.teacher;
  const [only] = pools;
  if (wanted === undefined && pools.length === 1 && only !== undefined) return only;
  const found = pools.find((pool) => pool.name === wanted);
  if (found === undefined) throw noPool(named, wanted);
  return found;
}

function contradiction({ namespace, name }: NamedJob, { minReplicas, maxReplicas }: TeacherPool): CliError {
  return new CliError('usage', {
    about: `job ${namespace}/${name}`,
    problem: `at least ${String(minReplicas)} teachers are more than at most ${String(maxReplicas)}`,
    remedy: 'give a --min that is not above --max',
  });
}
