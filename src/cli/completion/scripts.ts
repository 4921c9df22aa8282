/**
 * The scripts of the shells. They hold all words themselves: completing starts no process, and asks no cluster. Descriptions
 * never reach a script as code: bash gets none, zsh and fish get them quoted. Pure.
 */
import type { CompletionCommand, CompletionOption, CompletionTree } from './tree.js';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** @returns the text of a script for the shell */
export function completionScript(shell: Shell, tree: CompletionTree): string {
  switch (shell) {
    case 'bash':
      return bash(tree);
    case 'zsh':
      return zsh(tree);
    case 'fish':
      return fish(tree);
  }
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
/** The name of the program's file, and of shell functions. */
const fileName = ({ program }: CompletionTree): string => program.replace(' ', '-');
const functionName = (tree: CompletionTree): string => `_${fileName(tree).replaceAll('-', '_')}`;
const words = (command: CompletionCommand): string[] => command.options.flatMap(({ flags }) => flags);

/** Pairs of flags and what may follow them, of options that take a value. */
const valued = (command: CompletionCommand): CompletionOption[] =>
  command.options.filter(({ value }) => value !== 'none');

function bashValue(value: CompletionOption['value'] | CompletionCommand['argument']): string {
  if (value === 'file') return 'compopt -o default; COMPREPLY=()';
  if (value === 'text' || value === 'none') return 'COMPREPLY=()';
  return `COMPREPLY=($(compgen -W ${quoted(value.join(' '))} -- "$cur"))`;
}

function bash(tree: CompletionTree): string {
  const name = functionName(tree);
  const cases = tree.commands.map((command) => {
    const values = valued(command).map(
      ({ flags, value }) => `        ${flags.join('|')}) ${bashValue(value)}; return ;;`,
    );
    return [
      `    ${command.name})`,
      ...(values.length === 0 ? [] : ['      case "$prev" in', ...values, '      esac']),
      `      if [[ "$cur" == -* ]]; then COMPREPLY=($(compgen -W ${quoted(words(command).join(' '))} -- "$cur"))`,
      `      else ${bashValue(command.argument)}; fi ;;`,
    ].join('\n');
  });
  const names = tree.commands.map((command) => command.name).join(' ');
  return `# Completion of ${tree.program} for bash. Made by: ${tree.program} completion bash
${name}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}"
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W ${quoted(`${names} help --help --version`)} -- "$cur"))
    return
  fi
  case "$command" in
    help) COMPREPLY=($(compgen -W ${quoted(names)} -- "$cur")) ;;
${cases.join('\n')}
  esac
}
complete -F ${name} ${fileName(tree)}
`;
}

/** Inside of a specification of _arguments, these have a meaning. */
const zshText = (text: string): string => text.replaceAll(/[\\[\]:]/g, (character) => `\\${character}`);

function zshAction(value: CompletionOption['value'] | CompletionCommand['argument']): string {
  if (value === 'file') return '_files';
  if (value === 'text' || value === 'none') return ' ';
  return `(${value.join(' ')})`;
}

function zshOption({ flags, description, value }: CompletionOption): string[] {
  const others = flags.length > 1 ? `(${flags.join(' ')})` : '';
  const action = value === 'none' ? '' : `:value:${zshAction(value)}`;
  return flags.map((flag) => quoted(`${others}${flag}[${zshText(description)}]${action}`));
}

function zsh(tree: CompletionTree): string {
  const name = functionName(tree);
  const described = tree.commands.map((command) => quoted(`${zshText(command.name)}:${command.description}`));
  const cases = tree.commands.map((command) => {
    const argument = quoted(`1:argument:${zshAction(command.argument)}`);
    const rest = command.argument === 'file' ? [quoted('*:argument:_files')] : [];
    const specs = [...command.options.flatMap(zshOption), argument, ...rest];
    return `    ${command.name}) _arguments -s ${specs.join(' \\\n      ')} ;;`;
  });
  return `#compdef ${fileName(tree)}
# Completion of ${tree.program} for zsh. Made by: ${tree.program} completion zsh
${name}() {
  local -a commands
  commands=(
    ${described.join('\n    ')}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command="\${words[2]}"
  shift words
  ((CURRENT--))
  case "$command" in
${cases.join('\n')}
  esac
}
compdef ${name} ${fileName(tree)}
`;
}

function fish(tree: CompletionTree): string {
  const program = fileName(tree);
  const lines = tree.commands.flatMap((command) => {
    const within = `-n ${quoted(`__fish_seen_subcommand_from ${command.name}`)}`;
    const options = command.options.map(({ flags, description, value }) => {
      const short = flags.filter((flag) => /^-[^-]$/.test(flag)).map((flag) => ` -s ${flag.slice(1)}`);
      const long = flags.filter((flag) => flag.startsWith('--')).map((flag) => ` -l ${flag.slice(2)}`);
      return `complete -c ${program} ${within}${short.join('')}${long.join('')}${fishValue(value)} -d ${quoted(description)}`;
    });
    const argument =
      command.argument === 'text' ? [] : [`complete -c ${program} ${within}${fishValue(command.argument, '')}`];
    return [
      `complete -c ${program} -n __fish_use_subcommand -a ${command.name} -d ${quoted(command.description)}`,
      ...options,
      ...argument,
    ];
  });
  return `# Completion of ${tree.program} for fish. Made by: ${tree.program} completion fish
complete -c ${program} -f
${lines.join('\n')}
`;
}

/** @param required the flag for a value that must follow; an argument has none */
function fishValue(value: CompletionOption['value'] | CompletionCommand['argument'], required = ' -r'): string {
  if (value === 'none') return '';
  if (value === 'file') return `${required} -F`;
  if (value === 'text') return ` -x`;
  return `${required === '' ? '' : ' -x'} -a ${quoted(value.join(' '))}`;
}
