/** Where the command keeps what it may lose. It imports no library: main.ts needs it before any is loaded. */
import { isAbsolute, join } from 'node:path';

/**
 * `$XDG_CACHE_HOME/distillery`, or the same in `~/.cache`. A relative one would be another folder wherever the command is
 * started: it counts for none, as the XDG specification says.
 * @param homeFolder as `os.homedir`, which throws for a user that the system does not know
 * @returns null when there is no such folder
 */
export function cacheFolderOf(environment: NodeJS.ProcessEnv, homeFolder: () => string): string | null {
  const base = environment.XDG_CACHE_HOME ?? '';
  if (isAbsolute(base)) return join(base, 'distillery');
  let home: string;
  try {
    home = homeFolder();
  } catch {
    return null;
  }
  return isAbsolute(home) ? join(home, '.cache', 'distillery') : null;
}
