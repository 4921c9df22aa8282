/** What other tools make of an object: programs of test/cluster/judges, after `buildTools({ groups: [judgeTools] })`. */
import { spawn } from 'node:child_process';

import { type ClusterTool, toolPath } from './cluster/tools.js';

/** @returns a judge's answers, one for each object. @throws Error with what it said on stderr */
export async function judge<T>(tool: ClusterTool, args: readonly string[], objects: readonly unknown[]): Promise<T[]> {
  const child = spawn(toolPath(tool), args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout.setEncoding('utf8').on('data', (text: string) => out.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => err.push(text));
  child.stdin.end(JSON.stringify(objects));
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(err.join(''));
  return JSON.parse(out.join('')) as T[];
}

/** The verdicts of kstatus, as Flux and `helm --wait` get them. */
export function kstatusOf(
  ...objects: readonly unknown[]
): Promise<{ readonly status: string; readonly message: string }[]> {
  return judge('kstatus', [], objects);
}
