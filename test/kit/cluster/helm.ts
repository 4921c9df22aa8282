/** The real helm, against a cluster of the kit. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { repositoryRoot } from './paths.js';
import { toolPath } from './tools.js';

const run = promisify(execFile);

export const chartFolder = join(repositoryRoot, 'charts/distillery');

/** @returns the output of helm. @throws Error with its output when it fails */
export async function helm(args: readonly string[], kubeconfig?: string): Promise<string> {
  const { stdout } = await run(
    toolPath('helm'),
    [...args, ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig])],
    { maxBuffer: 64 * 1024 * 1024 },
  );
  return stdout;
}

/** Installs the chart in a namespace of its own on a cluster that has the CRD. */
export async function installChart(
  namespace: string,
  values: Readonly<Record<string, string>>,
  kubeconfig: string,
): Promise<void> {
  const given = sets({ 'crds.install': 'false', ...values });
  await helm(['install', 'distillery', chartFolder, '-n', namespace, '--create-namespace', ...given], kubeconfig);
}

export function sets(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
}
