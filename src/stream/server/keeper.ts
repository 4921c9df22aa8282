/**
 * The keeper: a tiny process between an owner and its nats-server, so that the server never outlives the owner, even
 * when the owner gets SIGKILL and can no longer clean up.
 *
 * Run as `node keeper.js BINARY CONFIGURATION`. Standard input is a pipe from the owner: its end means that the owner
 * is gone or wants the server to stop. Standard output carries one JSON line when the server was started and one when
 * it ended. It imports nothing of the project: it is a program, also run from its source by the tests.
 */
import { spawn } from 'node:child_process';

/** Time between asking the server to end and ending it. */
const graceMs = 3_000;

const [binary, configuration] = process.argv.slice(2);
if (binary === undefined || configuration === undefined) throw new Error('usage: keeper BINARY CONFIGURATION');

const say = (line: object): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};
// The owner may be gone when the last line is written.
process.stdout.on('error', () => undefined);

const server = spawn(binary, ['-c', configuration], { stdio: ['ignore', 'ignore', 'inherit'] });
let ending = false;
const end = (): void => {
  if (ending) return;
  ending = true;
  server.kill('SIGTERM');
  setTimeout(() => server.kill('SIGKILL'), graceMs);
};

server.on('spawn', () => say({ pid: server.pid }));
server.on('error', (error) => {
  say({ failed: error.message });
  process.exit(1);
});
server.on('exit', (code, signal) => {
  say({ exit: { code, signal } });
  process.exit(0);
});
process.stdin.on('end', end).on('error', end).resume();
process.on('SIGTERM', end);
// Ctrl-C and a closing terminal are for the owner to answer: it may still need the server for its last checkpoint.
process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);
