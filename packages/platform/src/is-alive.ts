import { codeOf } from '@distillery/base';

/** True while this machine runs a process with the pid, of any user; false for what is no pid. */
export function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
