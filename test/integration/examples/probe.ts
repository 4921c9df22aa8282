/** Whether this machine has a program that an example needs. */
import { spawnSync } from 'node:child_process';

/** @param command ends with 0 where the program works */
export function works([program = '', ...args]: readonly string[]): boolean {
  const { status } = spawnSync(program, args, { stdio: 'ignore' });
  if (status !== 0) process.stderr.write(`examples: tests are skipped, because \`${program}\` is missing or broken\n`);
  return status === 0;
}
