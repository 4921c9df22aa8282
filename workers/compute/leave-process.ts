/**
 * Ends a process whose compute thread is in native code that does not return. `process.exit` waits for every thread, so it
 * would wait without end; the process is replaced by one that ends at once with the same exit code.
 */

/**
 * Never returns. To be called while the process exits: nothing else of it runs any more. Where `execve` is missing
 * (Windows), the exit code is that of a killed process.
 */
export function leaveProcess(exitCode: number): never {
  // Absent on Windows and before Node 23.11.
  process.execve?.(process.execPath, [process.execPath, '--eval', `process.exit(${String(exitCode)})`], {});
  process.kill(process.pid, 'SIGKILL');
  throw new Error('unreachable');
}
