/** Addresses that a process and its descendants contact, as the kernel sees them. Linux only. */
import { access, readFile } from 'node:fs/promises';

import { install } from './cluster/real/system.js';

export const strace = '/usr/bin/strace';

/** True if system calls can be traced here; installs strace as root on Debian. */
export async function canTrace(): Promise<boolean> {
  const there = (): Promise<boolean> =>
    access(strace).then(
      () => true,
      () => false,
    );
  if (await there()) return true;
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  await install(['strace']).catch(() => undefined);
  return there();
}

/** Arguments that trace every contact of a command with an address into `file`. */
export function traceContacts(file: string): string[] {
  // Only these calls stop the process; the others run at full speed.
  return ['-f', '--seccomp-bpf', '-qq', '-e', 'trace=connect,sendto,sendmsg,sendmmsg', '-e', 'signal=none', '-o', file];
}

/** The same, with strace as a grandchild of the command: signals reach the command, and the trace may end a little later. */
export function traceContactsBeside(file: string): string[] {
  return ['-D', ...traceContacts(file)];
}

/** Every address in a trace, without repeats: `127.0.0.1:443`. */
export async function contactsIn(file: string): Promise<string[]> {
  const trace = await readFile(file, 'utf8');
  const contacts = new Set<string>();
  for (const [, port = '', address = ''] of trace.matchAll(
    /sin6?_port=htons\((\d+)\).*?(?:inet_addr\("|inet_pton\(AF_INET6, ")([^"]+)"/g,
  )) {
    // With port 0 the C library finds out which local address it would use; nothing is sent.
    if (port !== '0') contacts.add(`${address}:${port}`);
  }
  return [...contacts];
}

/**
 * Addresses outside of this machine in a trace, without repeats, and all name servers, including those on this machine:
 * `1.2.3.4:443`.
 */
export async function outsideContacts(file: string): Promise<string[]> {
  return (await contactsIn(file)).filter((contact) => {
    const isLocal = /^(127\.[^:]*|::1|::ffff:127\.0\.0\.1):\d+$/.test(contact);
    return !isLocal || contact.endsWith(':53');
  });
}
