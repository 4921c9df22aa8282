/** A process that owns a nats-server and then waits to be killed. Parameters: BINARY FOLDER. Prints the server's pid. */
import { startNatsServer } from '../../src/stream/server/index.js';

const [binary = '', folder = ''] = process.argv.slice(2);
const users = [{ user: 'root', password: 'of-a-test', permissions: { publish: ['>'], subscribe: ['>'] } }];
const server = await startNatsServer({ binary, folder, users, serverName: `owned-by-${process.pid}` });
process.stdout.write(`${JSON.stringify({ pid: server.pid })}\n`);
