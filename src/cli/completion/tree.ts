/** The commands and options of the program as data for the scripts of shells, read from commander's own tree. Pure. */
import type { Command, Option } from 'commander';

export interface CompletionOption {
  /** Such as `-n` and `--namespace`. */
  readonly flags: readonly string[];
  readonly description: string;
  /** What follows it: nothing, a file, one of some words, or any text. */
  readonly value: 'none' | 'file' | 'text' | readonly string[];
}

export interface CompletionCommand {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletionOption[];
  /** Words of its first argument; a file; or nothing known. */
  readonly argument: 'file' | 'text' | readonly string[];
}

export interface CompletionTree {
  /** As the person types it: `distill` or `kubectl distill`. */
  readonly program: string;
  readonly commands: readonly CompletionCommand[];
}

export function completionTree(root: Command): CompletionTree {
  const commands = root.commands.map((command) => {
    const [argument] = command.registeredArguments;
    return {
      name: command.name(),
      description: command.description(),
      options: [...command.options.map(optionOf), help],
      argument: argument?.argChoices ?? kindOf(argument?.name() ?? ''),
    };
  });
  return { program: root.name(), commands };
}

const help: CompletionOption = { flags: ['-h', '--help'], description: 'display help for command', value: 'none' };

function optionOf({ short, long, description, required, optional, argChoices, flags }: Option): CompletionOption {
  const [, placeholder = ''] = /<([\w-]+)(?:\.\.\.)?>/.exec(flags) ?? [];
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    description,
    value: required || optional ? (argChoices ?? kindOf(placeholder)) : 'none',
  };
}

/** By the word in the help, such as `<file>`. */
function kindOf(placeholder: string): 'file' | 'text' {
  return /^(file|folder|path|snapshot|trace)$/.test(placeholder) ? 'file' : 'text';
}
