/**
 * Runs a TypeScript file of this repository as its own process, for tests that kill one: Node strips the types, and a
 * hook finds `x.ts` where `x.js` is imported.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const hook = `
import { registerHooks } from 'node:module';
registerHooks({
  resolve: (specifier, context, next) =>
    specifier.startsWith('.') && context.parentURL?.endsWith('.ts')
      ? next(specifier.replace(/\\.js$/, '.ts'), context)
      : next(specifier, context),
});`;

/** Starts `file` (relative to test/kit) with pipes on standard input and output. */
export function spawnTypeScript(file: string, parameters: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return spawn(
    process.execPath,
    [
      '--no-warnings',
      '--experimental-transform-types',
      '--import',
      `data:text/javascript,${encodeURIComponent(hook)}`,
      path,
      ...parameters,
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
}

/** True while a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
