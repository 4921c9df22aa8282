/**
 * Starts one nats-server for one run, through the keeper.
 *
 * Invariants:
 *  start/N1 The server never outlives its owner (keeper.ts).
 *  start/N2 Passwords are in a file that only this user can read, never in an argument list.
 *  start/N3 Two runs never meet: own port, own store, own passwords; a server that answers under another name on the
 *     chosen port is not taken for ours.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { DistilleryError, statementOf } from '@distillery/base';
import { makeFolderSync, spawnFolder } from '@distillery/platform';
import type { NatsEndpoint } from '@distillery/protocol';
import { z } from 'zod';

import { StreamError } from '../errors/index.js';

import { type NatsUser, serverConfiguration, type ServerStart } from './config.js';
import { readGreeting } from './probe.js';

export interface LaunchOptions {
  readonly binary: string;
  /** Holds the configuration, the log and the store; a later start with the same folder finds the same data. */
  readonly folder: string;
  /** Tells this server from any other; a random word. */
  readonly serverName: string;
  /** Absent = a free one. */
  readonly port?: number;
  /** Where it listens, absent = loopback. */
  readonly host?: string;
  /** Text of the configuration, with the given names of server, host, port, store and log. */
  readonly configuration: (start: ServerStart) => string;
  /** A start that is under way when it aborts is undone. */
  readonly stop?: AbortSignal;
}

export interface StartOptions extends Omit<LaunchOptions, 'host' | 'configuration'> {
  readonly users: readonly NatsUser[];
}

export interface ServerExit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface NatsServer {
  readonly url: string;
  readonly port: number;
  /** Process id of the nats-server itself, not of its keeper. */
  readonly pid: number;
  readonly logFile: string;
  /** Resolves when the server has ended, for any reason. */
  readonly exited: Promise<ServerExit>;
  /** Asks it to end, insists after a few seconds; resolves when it has ended. */
  stop(): Promise<void>;
}

const startLimitMs = 30_000;
const portAttempts = 5;

/** What the user of a command can do about a nats-server that does not run. */
const otherServer = 'set DISTILL_NATS_URL to a running server with JetStream';

/**
 * Starts a server on loopback.
 * @throws StreamError noServer with the end of the server's log when it does not come up; the signal's reason once it
 *   aborts, after the server has ended
 */
export async function startNatsServer({ users, ...options }: StartOptions): Promise<NatsServer> {
  return launchNatsServer({ ...options, configuration: (start) => serverConfiguration({ ...start, users }) });
}

/** `startNatsServer` with a configuration of one's own. */
export async function launchNatsServer(options: LaunchOptions): Promise<NatsServer> {
  const { host = '127.0.0.1' } = options;
  for (let attempt = 1; ; attempt++) {
    options.stop?.throwIfAborted();
    const port = options.port ?? (await freePort(host));
    try {
      return await launch({ ...options, host, port });
    } catch (error) {
      // Another process may have taken the free port between the check and the start.
      if (options.port !== undefined || attempt >= portAttempts || !(error instanceof PortTaken)) throw error;
    }
  }
}

/** Another process took the port between the check and the start. */
export class PortTaken extends StreamError {
  override readonly kind = 'PortTaken';
}

async function freePort(host: string): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new StreamError(
          'noServer',
          {
            about: '',
            problem: `no port of ${host} can be listened on (${error.message})`,
            remedy: `check that ${host} is an address of this machine and that it has free ports`,
          },
          { cause: error },
        ),
      );
    });
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port);
        else
          reject(
            new StreamError('noServer', {
              about: '',
              problem: `no free port could be found on ${host}`,
              remedy: 'end programs that hold many ports',
            }),
          );
      });
    });
  });
}

/** In the tests this file runs as TypeScript, and so does the keeper (Node strips the types); built, both are JS. */
function keeperFile(): string {
  return fileURLToPath(new URL(`./keeper${extname(import.meta.url)}`, import.meta.url));
}

type Launch = LaunchOptions & { readonly host: string; readonly port: number };

async function launch(options: Launch): Promise<NatsServer> {
  const { binary, folder, serverName, host, port, stop: stopping } = options;
  makeFolderSync(folder);
  const configuration = join(folder, 'nats-server.json');
  const logFile = join(folder, 'nats-server.log');
  const text = options.configuration({ serverName, host, port, logFile, storeFolder: join(folder, 'store') });
  await writeFile(configuration, text, { mode: 0o600 });
  // The mode above is only for a new file.
  await chmod(configuration, 0o600);

  const log = openSync(logFile, 'a', 0o600);
  let keeper: ChildProcess;
  try {
    // Its own process group: a Ctrl-C in the owner's terminal is not for the server.
    keeper = spawn(process.execPath, [keeperFile(), binary, configuration], {
      stdio: ['pipe', 'pipe', log],
      detached: true,
      cwd: spawnFolder(folder),
    });
  } finally {
    closeSync(log);
  }
  const { started, exited } = follow(keeper);
  const stop = async (): Promise<void> => {
    keeper.stdin?.end();
    await exited;
  };
  try {
    const pid = await started;
    await untilReady({ host, port }, serverName, exited, stopping);
    return { url: `nats://${host}:${port}`, port, pid, logFile, exited, stop };
  } catch (error) {
    await stop();
    stopping?.throwIfAborted();
    const reason = await lastWords(logFile);
    const taken = error instanceof PortTaken || reason.includes('address already in use');
    const [why, remedy] =
      error instanceof DistilleryError ? [statementOf(error.fault), error.fault.remedy] : [String(error), ''];
    const fault = {
      about: `nats-server ${binary}`,
      problem: `it did not start (${why}); its log ${logFile} ends: ${reason}`,
      remedy,
    };
    throw new (taken ? PortTaken : StreamError)('noServer', fault, { cause: error });
  }
}

const keeperLine = z.union([
  z.object({ pid: z.number() }),
  z.object({ failed: z.string() }),
  z.object({ exit: z.object({ code: z.number().nullable(), signal: z.string().nullable() }) }),
]);

/** Reads the keeper's lines. When the keeper is gone, this process kills the server: no other process would. */
function follow(keeper: ChildProcess): { readonly started: Promise<number>; readonly exited: Promise<ServerExit> } {
  const started = Promise.withResolvers<number>();
  const exited = Promise.withResolvers<ServerExit>();
  let pid: number | undefined;
  let reported = false;
  // Written to only to be closed; the keeper may be gone first.
  keeper.stdin?.on('error', () => undefined);
  if (keeper.stdout !== null) {
    createInterface({ input: keeper.stdout }).on('line', (text) => {
      const line = keeperLine.parse(JSON.parse(text));
      if ('pid' in line) {
        pid = line.pid;
        started.resolve(line.pid);
      } else if ('exit' in line) {
        reported = true;
        exited.resolve(line.exit);
      } else {
        started.reject(new StreamError('noServer', { about: '', problem: line.failed, remedy: otherServer }));
      }
    });
  }
  const gone = (reason: string): void => {
    started.reject(new StreamError('noServer', { about: '', problem: reason, remedy: otherServer }));
    if (pid !== undefined && !reported) endProcess(pid);
    exited.resolve({ code: null, signal: null });
  };
  keeper.on('error', (error) => gone(`its keeper could not be started: ${error.message}`));
  keeper.on('close', () => gone('its keeper ended'));
  return { started: started.promise, exited: exited.promise };
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

async function untilReady(
  endpoint: NatsEndpoint,
  serverName: string,
  exited: Promise<ServerExit>,
  stop: AbortSignal | undefined,
): Promise<void> {
  const over = new AbortController();
  void exited.then(() => over.abort());
  const end = performance.now() + startLimitMs;
  for (;;) {
    if (over.signal.aborted) {
      const remedy = `correct what its log says, or ${otherServer}`;
      throw new StreamError('noServer', { about: '', problem: 'it ended at once', remedy });
    }
    stop?.throwIfAborted();
    const greeting = await readGreeting(endpoint, 1_000, stop).catch(() => null);
    if (greeting !== null && greeting.serverName !== serverName) {
      throw new PortTaken('noServer', {
        about: '',
        problem: `port ${endpoint.port} is in use by another server`,
        remedy: 'end that server',
      });
    }
    if (greeting?.jetStream === true) return;
    if (performance.now() > end)
      throw new StreamError('noServer', {
        about: '',
        problem: `no answer within ${startLimitMs / 1_000} s`,
        remedy: `end other programs that keep this machine busy, or ${otherServer}`,
      });
    await sleep(20);
  }
}

async function lastWords(logFile: string): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return text.trim().split('\n').slice(-3).join(' | ') || '(nothing)';
}
