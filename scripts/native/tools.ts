/** The programs that a build calls, and its error. */
import { DistilleryError } from '@distillery/base';

import { runTool } from '../../dist/src/stream/server/tool.js';

/** The runtime `native` cannot be built here. */
export class NativeBuildError extends DistilleryError {
  override readonly name = 'NativeBuildError';
  readonly kind = 'NativeBuild';
  readonly retry = 'AfterSomebodyActs';
}

export interface Tools {
  /** Runs a program to its end, in the folder of the build. @throws ToolError */
  readonly run: (command: string, args: readonly string[]) => Promise<string>;
  readonly progress: (line: string) => void;
  readonly stop: AbortSignal;
}

/** Longest time of one program: a download of 261 MiB on a slow line. */
const limitMs = 1_800_000;

/** @param folder where programs work and keep temporary files */
export function toolsIn(
  folder: string,
  given: Pick<Tools, 'progress' | 'stop'>,
  environment: NodeJS.ProcessEnv,
): Tools {
  const options = { cwd: folder, environment: { ...environment, TMPDIR: folder }, limitMs, stop: given.stop };
  return { ...given, run: (command, args) => runTool(command, args, options) };
}

const needed = [
  { command: 'python3', args: ['-m', 'pip', '--version'], what: 'pip', remedy: 'install Python 3 with pip' },
  { command: 'npm', args: ['--version'], what: 'npm', remedy: 'install npm' },
  { command: 'tar', args: ['--version'], what: 'tar', remedy: 'install tar' },
  { command: 'g++', args: ['--version'], what: 'a C++ compiler', remedy: 'install g++ (Debian: apt-get install g++)' },
] as const;

/** @throws NativeBuildError naming the first program that is missing */
export async function checkTools({ run, stop }: Tools): Promise<void> {
  for (const { command, args, what, remedy } of needed) {
    try {
      await run(command, args);
    } catch (cause) {
      stop.throwIfAborted();
      const problem = `${what} is missing (\`${command} ${args.join(' ')}\` does not run)`;
      throw new NativeBuildError({ about: 'runtime native', problem, remedy }, { cause });
    }
  }
}
