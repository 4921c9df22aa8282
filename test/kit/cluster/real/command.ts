/** Runs a program to its end and returns its output. */
import { spawn } from 'node:child_process';
import { patienceMs } from '../../patience.js';

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
  /** Time after which the program gets SIGKILL. */
  readonly limitMs?: number;
  /** Receives every line of both outputs as it is printed. */
  readonly onLine?: (line: string) => void;
}

const defaultLimitMs = patienceMs;
const linesShown = 15;

/** @returns its standard output @throws Error with the last lines of both outputs unless it ended with 0 */
export async function run(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { env, cwd, input, limitMs = defaultLimitMs, onLine } = options;
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: limitMs,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let both = '';
  let reportedTo = 0;
  const take = (text: string): void => {
    both += text;
    for (let end = both.indexOf('\n', reportedTo); end >= 0; end = both.indexOf('\n', reportedTo)) {
      onLine?.(both.slice(reportedTo, end));
      reportedTo = end + 1;
    }
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    take(text);
  });
  child.stderr.setEncoding('utf8').on('data', take);
  // A program that does not read its input may end before all is written.
  child.stdin.on('error', () => undefined).end(input);
  const end = await new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? signal));
  });
  if (end === 0) return stdout;
  const words = both.trim().split('\n').slice(-linesShown).join('\n');
  throw new Error(`${command} ${args.join(' ')}: ended with ${String(end)}, expected 0:\n${words}`);
}
