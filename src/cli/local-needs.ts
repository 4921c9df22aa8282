/** What the commands of this machine take from the outside: worker processes, a NATS server, randomness, a log. */
import { randomUUID } from 'node:crypto';
import { homedir } from 'node:os';

import { systemClock } from '@distillery/platform';

import { findNatsServer } from '../stream/index.js';
import { fileLog } from '../telemetry/log.js';

import { readConfig } from './config.js';
import { type LocalNeeds, machineFacts } from './local/commands.js';
import type { InitNeeds } from './init/commands.js';
import { compiledFolder } from './shared/compile-cache.js';
import { ownCommand } from './shared/own-command.js';
import type { Stop } from './shared/stop.js';
import { workerScript } from './worker-script.js';

type Needs = Omit<LocalNeeds & InitNeeds, 'say' | 'terminal' | 'readInput' | 'clock' | 'stop' | 'person'>;

export function localNeeds(stop: Stop): Needs {
  const config = readConfig(process.env, homedir, compiledFolder(process.env, homedir));
  return {
    pid: process.pid,
    newUid: randomUUID,
    cores: config.cores,
    command: ownCommand({
      startedBy: config.startedBy,
      path: config.path,
      node: process.execPath,
      script: process.argv[1] ?? 'distill',
    }),
    scripts: {
      teacher: workerScript('teacher/main.js'),
      student: workerScript('student/main.js'),
      evaluate: workerScript('teacher/evaluate.js'),
      baseline: workerScript('student/baseline.js'),
      init: workerScript('init/main.js'),
    },
    environment: config.workerEnvironment,
    remote: config.remote,
    machine: () => machineFacts(config.installEnvironment, config.cacheFolder),
    openLog: fileLog,
    findNats: (progress) =>
      findNatsServer({
        url: config.natsUrl,
        path: config.path,
        cacheFolder: config.cacheFolder,
        platform: process.platform,
        arch: process.arch,
        environment: config.installEnvironment,
        progress,
        stop: stop.signal,
        nowMs: systemClock.now(),
      }),
  };
}
