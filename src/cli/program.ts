/**
 * The `distill` command line: its commands, from five rooms. `kubectl distill` is the same program with the commands of the
 * cluster alone.
 */
import { basename } from 'node:path';

import { version } from '@distillery/base';
import { Command, Help, type Option } from 'commander';

import type { ClusterNeeds } from './cluster/commands.js';
import type { InitNeeds } from './init/commands.js';
import type { LocalNeeds } from './local/commands.js';
import type { OfflineNeeds } from './offline/commands.js';
import { CliError } from './shared/cli-error.js';
import type { Ending } from './shared/exit.js';

export interface ProgramNeeds extends ClusterNeeds, OfflineNeeds {
  /** Makes what the commands of this machine take; making it loads their libraries. */
  readonly local: () => Promise<LocalNeeds & InitNeeds>;
  /** The program is one file, without the workers that the commands of this machine start. */
  readonly isSingleFile: boolean;
  /** False when the working folder of this process was removed. */
  readonly hasWorkingFolder: boolean;
}

type Ended = (how: Ending) => void;

/** The commands of one room. */
interface Group {
  readonly names: readonly string[];
  /** Imports the room and adds its commands. */
  add(root: Command, needs: ProgramNeeds, ended: Ended): Promise<void>;
}

const clusterGroup: Group = {
  names: ['status', 'top', 'plan', 'logs', 'events', 'suspend', 'resume', 'scale', 'fetch', 'support'],
  add: async (root, needs, ended) => (await import('./cluster/commands.js')).addClusterCommands(root, needs, ended),
};

const reportGroup: Group = {
  names: ['report'],
  add: async (root, needs, ended) => (await import('./report/commands.js')).addReportCommand(root, needs, ended),
};

/** In the order of the help. */
const groups: readonly Group[] = [
  {
    names: ['init'],
    add: async (root, { local }, ended) => (await import('./init/commands.js')).addInitCommand(root, local, ended),
  },
  {
    names: ['run', 'slots', 'doctor'],
    add: async (root, { local }, ended) => (await import('./local/commands.js')).addLocalCommands(root, local, ended),
  },
  reportGroup,
  {
    names: ['validate', 'models', 'simulate'],
    add: async (root, needs, ended) => (await import('./offline/commands.js')).addOfflineCommands(root, needs, ended),
  },
  clusterGroup,
];

/** What a cluster has. */
const pluginGroups: readonly Group[] = [clusterGroup, reportGroup];

/** kubectl starts a program of this name for `kubectl distill`. */
const pluginName = 'kubectl-distill';

/**
 * Runs the command that `argv` names. Only the room of that command is imported; the help of the program imports all.
 * @param argv as `process.argv`
 * @throws CommanderError after help, version or a usage error, which are printed; CliError, StreamError
 */
export async function program(needs: ProgramNeeds, argv: readonly string[]): Promise<Ending> {
  let ending: Ending = 'ok';
  const ended = (how: Ending): void => void (ending = how);
  const isPlugin = needs.isSingleFile || basename(argv[1] ?? '') === pluginName;
  const name = isPlugin ? pluginName.replace('-', ' ') : 'distill';
  const root = new Command(name)
    .description('Elastic knowledge distillation: a fleet of teachers, one student, no step lost or repeated.')
    .version(version)
    .showHelpAfterError(`(${name} --help says more)`)
    .configureHelp({ optionDescription })
    .exitOverride()
    .hook('preAction', () => {
      if (needs.hasWorkingFolder) return;
      throw new CliError('storage', {
        about: '',
        problem: 'the working folder was removed',
        remedy: 'change to a folder that exists, then try again',
      });
    });
  await addCommands(root, isPlugin ? pluginGroups : groups, needs, ended, argv.slice(2));
  for (const command of root.commands) command.showHelpAfterError(`(${name} ${command.name()} --help says more)`);
  await root.parseAsync([...argv]);
  return ending;
}

/** Commander also writes "(default: false)" and "(default: [])", which say nothing. */
function optionDescription(option: Option): string {
  const { defaultValue } = option as { readonly defaultValue: unknown };
  const saysNothing = defaultValue === false || (Array.isArray(defaultValue) && defaultValue.length === 0);
  return saysNothing ? option.description : new Help().optionDescription(option);
}

async function addCommands(
  root: Command,
  available: readonly Group[],
  needs: ProgramNeeds,
  ended: Ended,
  args: readonly string[],
): Promise<void> {
  const [first = ''] = args;
  if (first === '--version' || first === '-V') return;
  const named = available.find(({ names }) => names.includes(first));
  if (named !== undefined) return named.add(root, needs, ended);
  for (const group of available) await group.add(root, needs, ended);
  const { completionCommand } = await import('./completion/commands.js');
  completionCommand(root, needs.say);
  const { helpAfter, pluginHelpAfter } = await import('./shared/help.js');
  root.addHelpText('after', available === groups ? helpAfter : pluginHelpAfter);
}
