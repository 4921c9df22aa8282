/**
 * Ends a process whose compute thread is in native code that does not return. `process.exit` waits for every thread, so it
 * would wait without end. Instead, `execve` replaces the process by one that ends at once with the same exit code.
 */

/**
 * Never returns. Call it while the process exits and no other JavaScript runs. Where `execve` is missing
 * (Windows), the exit code is that of a killed process.
 */
export function leaveProcess(exitCode: number): never {
  // Absent on Windows and before Node 23.11.
  process.execve?.(process.execPath, [process.execPath, '--eval', `process.exit(${String(exitCode)})`], {});
  process.kill(process.pid, 'SIGKILL');
  throw new Error('unreachable');
}
