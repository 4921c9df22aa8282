/** Options and help of the commands about runs on this machine: `distill run` and `distill slots`. */
import { runtimeChoices } from '@distillery/protocol';
import { type Command, InvalidArgumentError, Option } from 'commander';

import { CliError } from '../shared/cli-error.js';
import type { Ending } from '../shared/exit.js';
import { helpAfter } from '../shared/help.js';
import { positiveInteger } from '../shared/options.js';

import type { RunNeeds } from './run.js';

export { machineFacts } from './doctor.js';
export type { RemoteEnvironment } from './run-environment.js';

export interface LocalNeeds extends RunNeeds {
  readonly say: (line: string) => void;
}

interface RunFlags {
  readonly dir?: string;
  readonly resume?: string;
  readonly baseline: boolean;
  readonly slots?: number;
  readonly json: boolean;
  readonly runtime?: string;
}

/**
 * @param open makes what the commands take; making it loads their libraries, which the help of a command does not need
 * @param ended is called with how `distill run` ends
 */
export function addLocalCommands(
  root: Command,
  open: () => Promise<LocalNeeds>,
  ended: (ending: Ending) => void,
): void {
  root
    .command('run')
    .description('distill on this machine: each teacher is a process and takes a slot, one for each core')
    .argument('[file]', 'a DistillJob, as kubectl apply takes it; - = standard input')
    .option('--dir <folder>', 'folder of the run (default: runs/<name>-<time>)')
    .option('--resume <folder>', 'resume a stopped run')
    .option('--baseline', 'also train the same student on labels alone, and print the accuracy of both', false)
    .option('--slots <n>', 'most teachers at a time (default: one for each core)', positiveInteger)
    .addOption(
      new Option('--runtime <name>', 'what computes the models (default: DISTILL_RUNTIME, else auto)').choices(
        runtimeChoices,
      ),
    )
    .option('--json', 'one JSON object a line', false)
    .addHelpText('after', helpAfter)
    .action(async (file: string | undefined, { runtime, ...options }: RunFlags) => {
      refuseContradictions(file, options);
      const [needs, { run }] = await Promise.all([open(), import('./run.js')]);
      const { slots = needs.cores } = options;
      const chosen = runtime === undefined ? {} : { DISTILL_RUNTIME: runtime };
      const environment = { ...needs.environment, ...chosen };
      ended(await run({ ...options, slots, ...(file === undefined ? {} : { file }) }, { ...needs, environment }));
    });
  root
    .command('slots')
    .description('limit the teachers of the running job')
    .argument(
      '<n>',
      'most teachers at a time; 0 = none: the student uses up the stored logits, then waits',
      wholeNumber,
    )
    .option('--dir <folder>', 'folder of the run (default: the only running one in runs/)')
    .addHelpText('after', '\nExample:\n  $ distill slots 2')
    .action(async (slots: number, { dir }: { readonly dir?: string }) => {
      const [needs, { writeSlots }] = await Promise.all([open(), import('./slots.js')]);
      const run = writeSlots(slots, dir, 'runs');
      needs.say(`${run}: ${String(slots)} slots`);
    });
  root
    .command('doctor')
    .description('say what this machine has for a run, and what to do about the rest')
    .option('--json', 'one JSON object', false)
    .addHelpText('after', '\nExample:\n  $ distill doctor')
    .action(async ({ json }: { readonly json: boolean }) => {
      const [needs, doctor] = await Promise.all([open(), import('./doctor.js')]);
      const findings = doctor.findingsOf(needs.machine());
      needs.say(json ? JSON.stringify({ findings }) : doctor.doctorLines(findings).join('\n'));
    });
}

/** @throws CliError usage */
function refuseContradictions(file: string | undefined, { dir, resume }: Pick<RunFlags, 'dir' | 'resume'>): void {
  if (resume === undefined) return;
  if (file !== undefined) {
    throw new CliError('usage', {
      about: 'distill run',
      problem: 'a job file and --resume are both given',
      remedy: 'leave out one of them',
    });
  }
  if (dir !== undefined) {
    throw new CliError('usage', {
      about: 'distill run',
      problem: '--dir names the folder of a new run',
      remedy: 'leave it out with --resume',
    });
  }
}

function wholeNumber(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('expected a whole number from 0 to 99999.');
  return Number(text);
}
