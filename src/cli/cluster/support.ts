/** `distill support`: one archive about a job for a bug report. It never asks for a Secret. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

import { version } from '@distillery/base';
import { makeFolderSync, writeNewSync } from '@distillery/platform';
import { createTar } from 'nanotar';
import { stringify } from 'yaml';

import { labels, workerContainer } from '../../api/index.js';
import { kinds, type ResourceKind, type StoredObject } from '../../cluster/kubernetes/index.js';

import { CliError } from '../shared/cli-error.js';
import { checkPath } from '../shared/folders.js';

import type { ClusterReader, Selection } from './cluster-reader.js';
import { jobPage } from './job-page.js';
import { jobFacts } from './job-facts.js';
import { namedJob, type NamedJob, ofJob, orRefusal, type Readable, valueOr } from './named-job.js';
import { logWithoutSecrets, withoutSecrets } from './support-redaction.js';

export interface SupportOptions {
  readonly job: string;
  readonly namespace: string;
  /** Absent = distill-support-JOB.tar.gz */
  readonly output?: string;
  readonly operatorNamespace: string;
}

export interface SupportTools {
  readonly cluster: ClusterReader;
  readonly kubectlOptions: readonly string[];
  readonly say: (line: string) => void;
  readonly nowMs: number;
}

interface SupportFile {
  readonly name: string;
  readonly data: string;
}

/** Of one log: what is before it is left out. */
const lastLines = 2_000;
const longestLogBytes = 2 * 1024 * 1024;
const mostLogs = 64;

/** @throws CliError storage when the file exists or cannot be written */
export async function support(options: SupportOptions, tools: SupportTools): Promise<void> {
  const { job, namespace } = options;
  const file = resolve(options.output ?? `distill-support-${job}.tar.gz`);
  checkFree(file);
  const named = await namedJob(tools.cluster, namespace, job, tools.kubectlOptions);
  const { files, refused } = await gathered(named, options, tools);
  const folder = `distill-support-${job}`;
  const about = aboutText(named, tools, refused);
  const all = [{ name: 'README.txt', data: about }, ...files];
  const archive = createTar(
    all.map(({ name, data }) => ({ name: `${folder}/${name}`, data, attrs: { mtime: tools.nowMs } })),
  );
  makeFolderSync(dirname(file));
  try {
    writeNewSync(file, await promisify(gzip)(archive));
  } catch (error) {
    throw new CliError(
      'storage',
      { about: `--output ${file}`, problem: 'it cannot be written', remedy: 'name another file' },
      { cause: error },
    );
  }
  tools.say(`${file}: ${String(all.length)} files. Read it before you pass it on: logs may quote your own data.`);
  for (const sentence of refused) tools.say(`left out: ${sentence}`);
}

function checkFree(file: string): void {
  checkPath(`--output ${file}`, dirname(file));
  if (!existsSync(file)) return;
  throw new CliError('badInput', { about: `--output ${file}`, problem: 'it exists', remedy: 'name another file' });
}

interface Gathered {
  readonly files: readonly SupportFile[];
  /** What this person may not read. */
  readonly refused: readonly string[];
}

async function gathered(named: NamedJob, options: SupportOptions, tools: SupportTools): Promise<Gathered> {
  const { cluster, nowMs } = tools;
  const { namespace } = named;
  const files: SupportFile[] = [{ name: 'job.yaml', data: yamlOf(named.object) }];
  const refused: string[] = [];
  const add = async (name: string, kind: ResourceKind, selection: Selection): Promise<Readable<StoredObject[]>> => {
    const found = await orRefusal(cluster.list(kind, selection));
    if (found.kind === 'refused') refused.push(found.sentence);
    else files.push({ name: `${name}.yaml`, data: found.value.map(yamlOf).join('---\n') });
    return found;
  };
  const ours = { namespace, labelSelector: ofJob(named.job) };
  const pods = await add('pods', kinds.pods, ours);
  for (const [name, kind] of ofTheJob) await add(name, kind, ours);
  const operator = { namespace: options.operatorNamespace, labelSelector: `${labels.name}=${operatorName}` };
  await add('operator/deployments', kinds.deployments, operator);
  const operators = await add('operator/pods', kinds.pods, operator);
  await add('nodes', kinds.nodes, {});
  const events = await orRefusal(cluster.list(kinds.events, { namespace }));
  const facts = jobFacts({ named, pods, events }, nowMs);
  refused.push(...facts.refused);
  files.push({ name: 'events.yaml', data: yamlOf(facts.events) });
  const page = jobPage(facts, { verbose: true }).map(({ text }) => text);
  files.push({ name: 'status.txt', data: logWithoutSecrets(`${page.join('\n')}\n`) });
  const workers = facts.pods.map(({ name }) => ({ namespace, pod: name, container: workerContainer, folder: 'logs' }));
  const others = valueOr(operators, []).map(({ metadata }) => {
    return { namespace: metadata.namespace, pod: metadata.name, container: operatorContainer, folder: 'operator' };
  });
  for (const { folder, ...log } of [...workers, ...others].slice(0, mostLogs)) {
    const text = await logText(cluster, log);
    if (text.kind === 'refused') refused.push(text.sentence);
    else files.push({ name: `${folder}/${log.pod}.log`, data: text.value });
  }
  return { files, refused: [...new Set(refused)] };
}

/** Of the chart's Deployment: the label that names the program, and its container. */
const operatorName = 'distillery-operator';
const operatorContainer = 'operator';

const ofTheJob: readonly (readonly [string, ResourceKind])[] = [
  ['deployments', kinds.deployments],
  ['jobs', kinds.jobs],
  ['network-policies', kinds.networkPolicies],
  ['config-maps', kinds.configMaps],
];

/** A log that cannot be read is left out, whatever the reason: a container that has not started has none. */
async function logText(
  cluster: ClusterReader,
  log: { readonly namespace: string; readonly pod: string; readonly container: string },
): Promise<Readable<string>> {
  const lines: string[] = [];
  let bytes = 0;
  try {
    for await (const line of cluster.log({ ...log, follow: false, tailLines: lastLines })) {
      bytes += line.length;
      if (bytes > longestLogBytes) break;
      lines.push(line);
    }
  } catch (error) {
    if (error instanceof CliError) return { kind: 'refused', sentence: error.message };
    throw error;
  }
  return { kind: 'read', value: logWithoutSecrets(`${lines.join('\n')}\n`) };
}

function yamlOf(object: unknown): string {
  return stringify(withoutSecrets(object));
}

function aboutText(
  { namespace, name }: NamedJob,
  { cluster, nowMs }: SupportTools,
  refused: readonly string[],
): string {
  return [
    `DistillJob ${namespace}/${name}`,
    `API server ${cluster.server}`,
    `distill ${version}, ${new Date(nowMs).toISOString()}`,
    'Secrets and what looks like a token or password were removed. Logs may still quote your own data.',
    ...refused.map((sentence) => `left out: ${sentence}`),
    '',
  ].join('\n');
}
