/** Python with the TensorFlow of our own build, in a folder that git ignores. Of benchmarks alone: the product has no Python. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { runTool, ToolError } from '../../../src/stream/server/tool.js';
import { nativeFiles } from '../../../workers/runtimes/native/addon.js';

const home = join(import.meta.dirname, '../../../../.cache/python-tensorflow');
const limitMs = 1_800_000;

/**
 * @param folder of the runtime native: the same version is taken
 * @returns the interpreter, or in a sentence why there is none
 */
export async function pythonWithTensorflow(
  folder: string,
  say: (line: string) => void,
): Promise<{ readonly python: string } | { readonly missing: string }> {
  const { tensorflow } = JSON.parse(readFileSync(join(folder, nativeFiles.build), 'utf8')) as { tensorflow: string };
  const python = join(home, 'bin/python');
  const run = (command: string, ...args: string[]): Promise<string> =>
    runTool(command, args, { limitMs, stop: new AbortController().signal });
  const isWhole = async (): Promise<boolean> =>
    existsSync(python) &&
    (await run(python, '-c', `import importlib.metadata as m; print(m.version('tensorflow-cpu'))`).then(
      (printed) => printed.trim() === tensorflow,
      () => false,
    ));
  try {
    if (await isWhole()) return { python };
    say(`downloading tensorflow-cpu==${tensorflow} for Python (about 300 MiB, kept in .cache/python-tensorflow)`);
    rmSync(home, { recursive: true, force: true });
    await run('python3', '-m', 'venv', home);
    await run(
      python,
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      `tensorflow-cpu==${tensorflow}`,
    );
    return { python };
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return { missing: `no Python with TensorFlow ${tensorflow} (${error.message})` };
  }
}
