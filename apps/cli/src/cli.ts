import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { ApiError, createClient } from '@kiban/client'
import { Command, CommanderError } from 'commander'
import { COMMANDS } from './commands.ts'
import { projectNameIn } from './project-name.ts'
import type { CommandContext, CommandSpec, Input } from './command.ts'
import { UsageError } from './command.ts'

/**
 * Runs the command line. Gives the exit status: 0 done; 1 it failed, with the reason on stderr; 2 it was typed wrongly.
 * The result goes to stdout: text for people, or JSON with --json.
 */
export async function runCli(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const stopping = new AbortController()
  const program = buildProgram((spec, input, globals) =>
    execute(spec, input, { globals, env, signal: stopping.signal }),
  )
  const stop = () => stopping.abort()
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return 0
  } catch (error) {
    return failure(error, argv.includes('--json'), stopping.signal)
  } finally {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
}

type Globals = Readonly<Record<string, string | boolean | undefined>>
type Execute = (spec: CommandSpec, input: Input, globals: Globals) => Promise<void>

/** The tree of commands, with a group for every noun. */
export function buildProgram(execute: Execute): Command {
  const program = new Command('kiban')
    .description('The machine-learning platform a team runs itself.')
    .option('--url <url>', 'where the server answers (KIBAN_URL)')
    .option('--token <token>', 'a token of yours (KIBAN_TOKEN)')
    .option('-p, --project <name>', 'the project (KIBAN_PROJECT, else that of the nearest kiban.yaml)')
    .option('--json', 'print the result as JSON')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text) })
    .showHelpAfterError('Add --help for what can be typed.')
  const groups = new Map<string, Command>()
  for (const spec of COMMANDS) {
    const [first = '', second] = spec.name.split(' ')
    if (second === undefined) addCommand(program, first, spec, execute)
    else {
      const group =
        groups.get(first) ??
        program
          .command(first)
          .description(`${first}: ${verbsOf(first).join(', ')}`)
          .exitOverride()
      groups.set(first, group)
      addCommand(group, second, spec, execute)
    }
  }
  return program
}

function verbsOf(noun: string): string[] {
  return COMMANDS.filter((spec) => spec.name.startsWith(`${noun} `)).map((spec) => spec.name.slice(noun.length + 1))
}

function addCommand(parent: Command, name: string, spec: CommandSpec, execute: Execute): void {
  const command = parent.command(name).description(spec.summary).exitOverride()
  for (const argument of spec.args ?? []) command.argument(argument)
  for (const one of spec.options ?? []) command.option(one.flags, one.description, one.default)
  // --json may stand behind the command too.
  if (!command.options.some((one) => one.long === '--json')) command.option('--json', 'print the result as JSON')
  command.addHelpText('after', `\nExample:\n  ${spec.example}`)
  command.action(async () => {
    const own = command.opts<Globals>()
    const args = command.processedArgs.flat().filter((value): value is string => typeof value === 'string')
    await execute(
      spec,
      { args, options: own },
      { ...command.optsWithGlobals<Globals>(), json: own['json'] ?? command.optsWithGlobals<Globals>()['json'] },
    )
  })
}

async function execute(
  spec: CommandSpec,
  input: Input,
  from: { globals: Globals; env: Readonly<Record<string, string | undefined>>; signal: AbortSignal },
): Promise<void> {
  const { globals, env } = from
  const url = (text(globals['url']) ?? env['KIBAN_URL'] ?? `http://127.0.0.1:${env['KIBAN_PORT'] ?? 7300}`).replace(
    /\/+$/,
    '',
  )
  const token = text(globals['token']) ?? env['KIBAN_TOKEN']
  const json = globals['json'] === true
  const folder = process.cwd()
  const ctx: CommandContext = {
    client: createClient({ url, ...(token === undefined ? {} : { token }) }),
    url,
    token,
    folder,
    env,
    json,
    project: () => text(globals['project']) ?? env['KIBAN_PROJECT'] ?? projectOfFolder(folder),
    say: (line) => process.stderr.write(`${line}\n`),
    signal: from.signal,
    commandNames: COMMANDS.map((one) => one.name),
  }
  const result = await spec.run(ctx, input)
  if (result === undefined) return
  process.stdout.write(json ? `${JSON.stringify(result.data, null, 2)}\n` : `${result.text}\n`)
}

function failure(error: unknown, json: boolean, signal: AbortSignal): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (signal.aborted) return 1
  const message = error instanceof Error ? error.message : String(error)
  if (json && error instanceof ApiError)
    process.stdout.write(
      `${JSON.stringify({ error: { code: error.code, message, requestId: error.requestId, details: error.details } }, null, 2)}\n`,
    )
  process.stderr.write(`kiban: ${message}\n`)
  if (error instanceof ApiError) for (const line of fileErrors(error)) process.stderr.write(`${line}\n`)
  return error instanceof UsageError ? 2 : 1
}

/** The faults of a project file, when the error is about one. */
function fileErrors(error: ApiError): string[] {
  const faults = error.details['errors']
  if (!Array.isArray(faults)) return []
  return faults.flatMap((fault: unknown) => {
    if (
      typeof fault !== 'object' ||
      fault === null ||
      !('file' in fault) ||
      !('line' in fault) ||
      !('message' in fault)
    )
      return []
    const column = 'column' in fault ? `:${String(fault.column)}` : ''
    const hint = 'hint' in fault && fault.hint !== undefined ? ` (${String(fault.hint)})` : ''
    return [`${String(fault.file)}:${String(fault.line)}${column}: ${String(fault.message)}${hint}`]
  })
}

function projectOfFolder(folder: string): string {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const file = join(at, 'kiban.yaml')
    if (existsSync(file)) return projectNameIn(readFileSync(file, 'utf8'), file)
    if (at === dirname(at)) break
  }
  throw new UsageError(
    'Which project? Give --project <name> or KIBAN_PROJECT, or call it in a folder with a kiban.yaml.',
  )
}

function text(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
