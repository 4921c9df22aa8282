/** Options and help of `distill completion`. */
import { Argument, type Command } from 'commander';

import { completionScript, shells, type Shell } from './scripts.js';
import { completionTree } from './tree.js';

/** Adds the command last: its script names all commands that `root` has by then. */
export function completionCommand(root: Command, say: (text: string) => void): void {
  const name = root.name();
  root
    .command('completion')
    .description('print a script that completes commands and options in a shell')
    .addArgument(new Argument('<shell>', 'your shell').choices([...shells]))
    .addHelpText(
      'after',
      `
Examples:
  $ source <(${name} completion bash)                                      in ~/.bashrc
  $ source <(${name} completion zsh)                                       in ~/.zshrc, after compinit
  $ ${name} completion fish > ~/.config/fish/completions/${name.replace(' ', '-')}.fish`,
    )
    .action((shell: Shell) => say(completionScript(shell, completionTree(root))));
}
