/**
 * The process behind `distill init`: it inspects files, decides, and prints what follows as one line of JSON. It reads one
 * line from standard input, an `InitRequest`; when standard input ends, the person is gone, and so is this process.
 */
import { createInterface } from 'node:readline';

import { DistilleryError, sentenceOf } from '@distillery/base';
import { systemClock } from '@distillery/platform';
import { quietLibraries, runtimeChoices, workerExitCodes } from '@distillery/protocol';
import { z } from 'zod';

import type { Asked } from '../draft/index.js';
import { endingOf } from '../process/index.js';
import { initiate, type InitReply } from './initiate.js';

const requestSchema = z.object({
  folder: z.string(),
  jobFolder: z.string(),
  runtime: z.enum(runtimeChoices),
  nativeFolder: z.string().nullable(),
  asked: z.record(z.string(), z.unknown()).transform((asked) => asked as Asked),
});

Object.assign(process.env, quietLibraries);
// Ctrl-C reaches the whole foreground group; the command decides, and ends this process.
process.on('SIGINT', () => undefined);
const lines = createInterface({ input: process.stdin });
lines.once('line', (line) => void reply(line));
lines.once('close', () => process.exit(workerExitCodes.stopped));

async function reply(line: string): Promise<void> {
  const request = requestSchema.parse(JSON.parse(line));
  const answer = await initiate(request, systemClock).catch((error: unknown): InitReply => {
    if (!(error instanceof DistilleryError)) throw error;
    return { kind: 'refuse', sentence: sentenceOf(error.fault), ending: endingOf(error) };
  });
  process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(workerExitCodes.done));
}
