/** The `distill` command line: its commands, from five rooms. */
import { version } from '@distillery/base';
import { Command } from 'commander';

import { addClusterCommands, type ClusterNeeds } from './cluster/commands.js';
import { addInitCommand, type InitNeeds } from './init/commands.js';
import { addLocalCommands, type LocalNeeds } from './local/commands.js';
import { addOfflineCommands, type OfflineNeeds } from './offline/commands.js';
import { addReportCommand } from './report/commands.js';
import { CliError } from './shared/cli-error.js';
import type { Ending } from './shared/exit.js';
import { helpAfter } from './shared/options.js';

export interface ProgramNeeds extends InitNeeds, LocalNeeds, ClusterNeeds, OfflineNeeds {
  /** Compiled entry files of the processes that the commands start. */
  readonly scripts: InitNeeds['scripts'] & LocalNeeds['scripts'];
  /** False when the working folder of this process was removed. */
  readonly hasWorkingFolder: boolean;
}

/**
 * Runs the command that `argv` names.
 * @param argv as `process.argv`
 * @throws CommanderError after help, version or a usage error, which are printed; CliError, StreamError
 */
export async function program(needs: ProgramNeeds, argv: readonly string[]): Promise<Ending> {
  let ending: Ending = 'ok';
  const ended = (how: Ending): void => void (ending = how);
  const root = new Command('distill')
    .description('Elastic knowledge distillation: a fleet of teachers, one student, no step lost or repeated.')
    .version(version)
    .showHelpAfterError('(distill --help says more)')
    .addHelpText('after', helpAfter)
    .exitOverride()
    .hook('preAction', () => {
      if (needs.hasWorkingFolder) return;
      throw new CliError('storage', {
        about: '',
        problem: 'the working folder was removed',
        remedy: 'change to a folder that exists, then try again',
      });
    });
  // The order of the help.
  addInitCommand(root, needs, ended);
  addLocalCommands(root, needs, ended);
  addReportCommand(root, needs, ended);
  addOfflineCommands(root, needs, ended);
  addClusterCommands(root, needs, ended);
  await root.parseAsync([...argv]);
  return ending;
}
