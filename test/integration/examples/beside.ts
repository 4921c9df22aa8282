/** Runs parts of the examples, which are no part of the build. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../../..');

/**
 * Runs a program of Node that uses a module of the examples.
 * @param module file below examples/
 * @param names what the program uses of it
 * @returns what the program gives to `say`
 */
export function ranBesideExamples(module: string, names: readonly string[], program: string): unknown {
  const path = join(root, 'examples', module);
  const code = `const { ${names.join()} } = await import(${JSON.stringify(path)});
    const say = (value) => process.stdout.write(JSON.stringify(value));
    ${program}`;
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8', cwd: root }),
  );
}
