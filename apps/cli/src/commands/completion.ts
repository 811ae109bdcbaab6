import type { CommandSpec } from '../command.ts'
import { UsageError, arg } from '../command.ts'

/** `kiban completion`: a script for the shell, made from the commands that there are. */
export const completion: CommandSpec = {
  name: 'completion',
  summary: 'Print a completion script for bash, zsh or fish',
  args: ['<shell>'],
  example: 'kiban completion bash > ~/.local/share/bash-completion/completions/kiban',
  run: async ({ commandNames }, input) => {
    const shell = arg(input, 0)
    const tree = new Map<string, string[]>()
    for (const name of commandNames) {
      const [first = '', second] = name.split(' ')
      tree.set(first, [...(tree.get(first) ?? []), ...(second === undefined ? [] : [second])])
    }
    const make = { bash, zsh, fish }[shell]
    if (make === undefined) throw new UsageError(`bash, zsh and fish can be completed, not ${JSON.stringify(shell)}`)
    const text = make(tree)
    return { data: { shell, script: text }, text }
  },
}

type Tree = ReadonlyMap<string, readonly string[]>

function bash(tree: Tree): string {
  const cases = [...tree]
    .filter(([, verbs]) => verbs.length > 0)
    .map(([noun, verbs]) => `      ${noun}) words="${verbs.join(' ')}" ;;`)
  return `_kiban() {
  local words=""
  case "$COMP_CWORD" in
    1) words="${[...tree.keys()].join(' ')}" ;;
    2) case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    esac ;;
  esac
  COMPREPLY=($(compgen -W "$words --json --project --url --help" -- "\${COMP_WORDS[COMP_CWORD]}"))
  [ -n "$words" ] || COMPREPLY+=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _kiban kiban`
}

function zsh(tree: Tree): string {
  const cases = [...tree]
    .filter(([, verbs]) => verbs.length > 0)
    .map(([noun, verbs]) => `      ${noun}) compadd ${verbs.join(' ')} ;;`)
  return `#compdef kiban
_kiban() {
  if (( CURRENT == 2 )); then
    compadd ${[...tree.keys()].join(' ')}
  elif (( CURRENT == 3 )); then
    case "\${words[2]}" in
${cases.join('\n')}
      *) _files ;;
    esac
  else
    _files
  fi
}
compdef _kiban kiban`
}

function fish(tree: Tree): string {
  const top = `complete -c kiban -n __fish_use_subcommand -f -a "${[...tree.keys()].join(' ')}"`
  const verbs = [...tree]
    .filter(([, list]) => list.length > 0)
    .map(([noun, list]) => `complete -c kiban -n "__fish_seen_subcommand_from ${noun}" -f -a "${list.join(' ')}"`)
  return [top, ...verbs].join('\n')
}
