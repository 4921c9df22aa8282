/** `kubectl distill` as a person runs it: the real kubectl finds the plugin on its PATH. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

import { toolPath } from './cluster/tools.js';
import { distillProgram } from './programs.js';

/** Makes the plugin in a folder. @returns the PATH that has it */
export function pluginPath(folder: string): string {
  const [bin, program] = [join(folder, 'bin'), join(folder, 'program')];
  for (const name of [bin, program]) mkdirSync(name);
  const main = join(program, 'kubectl-distill');
  symlinkSync(distillProgram, main);
  writeFileSync(join(bin, 'kubectl-distill'), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`, {
    mode: 0o755,
  });
  return [bin, dirname(process.execPath), '/usr/bin', '/bin'].join(':');
}

export class KubectlDistill {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #errors = '';

  constructor(args: readonly string[], { path, kubeconfig }: { readonly path: string; readonly kubeconfig: string }) {
    this.#child = spawn(toolPath('kubectl'), ['distill', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: path, KUBECONFIG: kubeconfig },
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#errors += text));
    if (this.#child.stdout !== null) {
      createInterface({ input: this.#child.stdout }).on('line', (line) => this.lines.push(line));
    }
    this.#ended = once(this.#child, 'close').then(([code]) => code as number | null);
  }

  get errors(): string {
    return this.#errors;
  }

  /** The exit code, once the command and its output have ended. */
  ended(): Promise<number | null> {
    return this.#ended;
  }

  /** Ctrl-C. @returns the exit code */
  async interrupted(): Promise<number | null> {
    this.#child.kill('SIGINT');
    return this.#ended;
  }
}
