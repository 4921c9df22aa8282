/**
 * What a worker's calls make of every error that JetStream can answer: trouble of the platform costs time, and only a fault
 * of the request ends the job. The answers come from a listener in JetStream's place, through a real server in an account
 * without JetStream; each call hears one error and then is served.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { jetStreamFault, jobNames, type JobNames } from '@distillery/protocol';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';

import { launchNatsServer, type NatsServer } from '../../../src/stream/server/start.js';
import { WorkerError } from '../../../workers/base/index.js';
import {
  publishDeadLetter,
  claimAttempt,
  connectWorker,
  feed,
  publishFrame,
  publishTeacherState,
  type StreamLink,
} from '../../../workers/stream/index.js';
import { jetStreamErrors, type JetStreamErrorRow } from '../../kit/jetstream-errors.js';
import { testServerBinary } from '../../kit/nats.js';
import { frameOf, quietLog, studentState, systemClock, teacherState, workItem } from '../../kit/stream.js';

let folder: string;
let server: NatsServer;
let inPlace: NatsConnection;
let link: StreamLink;
/** What the next write to a job's subject is answered, once. */
const answers = new Map<string, JetStreamErrorRow>();

beforeAll(async () => {
  const binary = await testServerBinary();
  folder = await mkdtemp(join(tmpdir(), 'distillery-errors-'));
  const users = [{ user: 'worker', password: 'p' }];
  server = await launchNatsServer({
    binary,
    folder,
    serverName: 'errors',
    configuration: ({ serverName, host, port, storeFolder, logFile }) =>
      JSON.stringify({
        server_name: serverName,
        listen: `${host}:${String(port)}`,
        jetstream: { store_dir: storeFolder },
        log_file: logFile,
        accounts: { JOBS: { users }, OTHER: { jetstream: 'enabled' } },
      }),
  });
  inPlace = await connect({ servers: server.url, user: 'worker', pass: 'p' });
  for (const subject of ['distill.>', '$KV.>']) {
    inPlace.subscribe(subject, {
      callback: (_error, message) => {
        const [uid = ''] = /job-\d+-[a-zA-Z]+/.exec(message.subject) ?? [];
        const row = answers.get(uid);
        answers.delete(uid);
        message.respond(JSON.stringify(row === undefined ? { stream: 'S', seq: 1 } : { error: errorOf(row) }));
      },
    });
  }
  // A direct get of what is not there.
  inPlace.subscribe('$JS.API.DIRECT.GET.>', {
    callback: (_error, message) => void message.respond('', { headers: headers(404, 'Message Not Found') }),
  });
  await inPlace.flush();
  link = await connectWorker({
    url: server.url,
    login: { kind: 'password', user: 'worker', password: 'p' },
    inboxPrefix: '_INBOX_w',
    name: 'w',
    waitMs: 5_000,
    clock: systemClock,
    log: quietLog,
  });
});
afterAll(async () => {
  await link.close();
  await inPlace.close();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

function errorOf([code, status, , description]: JetStreamErrorRow): object {
  return { code: status, err_code: code, description };
}

const calls: Readonly<Record<string, (names: JobNames) => Promise<unknown>>> = {
  feed: (names) => feed(link, names, workItem(1)),
  frame: (names) => publishFrame(link, names, { shard: 0, step: 1 }, frameOf(1)),
  telemetry: (names) => publishTeacherState(link, names, teacherState('t')),
  claim: (names) => claimAttempt(link, names, 0, (attempt) => studentState({ attempt })),
  deadLetter: (names) =>
    publishDeadLetter(link, names, { shard: 0, step: 1, teacher: 't', deliveries: 1, error: 'e', item: null }),
};

/** How a call ends that hears one error and then is served. */
async function endingOf(
  call: (names: JobNames) => Promise<unknown>,
  row: JetStreamErrorRow,
  uid: string,
): Promise<string> {
  answers.set(uid, row);
  try {
    await call(jobNames(uid));
    return 'served';
  } catch (error) {
    return error instanceof WorkerError ? error.reason : String(error);
  }
}

describe.each(Object.entries(calls))('the call %s', (name, call) => {
  test('waits for what the platform mends, and ends the job for a fault of its own alone', async () => {
    const endings = await Promise.all(
      jetStreamErrors.map(async (row, index) => {
        const [code, status, fault, description] = row;
        const ending = await endingOf(call, row, `job-${String(index)}-${name}`);
        return { code, status, fault, description, ending };
      }),
    );
    const expected = jetStreamErrors.map(([code, status, fault, description]) => ({
      code,
      status,
      fault,
      description,
      ending: endsJob(name, fault) ? 'terminal' : 'served',
    }));
    expect(endings).toEqual(expected);
  });
});

/** A subject that is taken, and a revision that has moved, are answers to those calls that can meet them. */
function endsJob(name: string, fault: JetStreamErrorRow[2]): boolean {
  switch (fault) {
    case 'refused':
      return true;
    case 'taken':
      return name !== 'feed' && name !== 'frame';
    case 'moved':
      return name !== 'claim' && name !== 'frame';
    default:
      return false;
  }
}

test.each(jetStreamErrors)('error %i of status %i means %s: %s', (code, status, fault, description) => {
  expect(jetStreamFault({ code, status, description })).toBe(fault);
});
