import type { Client } from '@kiban/client'

/** What a command prints: `data` with --json, `text` for people. */
export type Result = { readonly data: unknown; readonly text: string }

export type CommandContext = {
  readonly client: Client
  /** Where the server answers, without a slash at the end. */
  readonly url: string
  readonly token: string | undefined
  /** The folder the command was called in. */
  readonly folder: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly json: boolean
  /** The project: --project, KIBAN_PROJECT, or that of the nearest kiban.yaml. Throws a UsageError when there is none. */
  project(): string
  /** A line for people on stderr: progress, never the result. */
  say(line: string): void
  readonly signal: AbortSignal
  /** What can be typed, for completion. */
  readonly commandNames: readonly string[]
}

type Option = { readonly flags: string; readonly description: string; readonly default?: string }

/** One command of the CLI. `name` is what is typed: a noun and a verb, or a verb alone. */
export type CommandSpec = {
  readonly name: string
  readonly summary: string
  /** In commander's words: `<dataset>`, `[files...]`. */
  readonly args?: readonly string[]
  readonly options?: readonly Option[]
  readonly example: string
  run(ctx: CommandContext, input: Input): Promise<Result | undefined>
}

/** What was typed. A list argument fills the end of `args`. */
export type Input = {
  readonly args: readonly string[]
  readonly options: Readonly<Record<string, string | boolean | undefined>>
}

/** The command was typed wrongly: exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The argument at `index`, which commander has made sure of. */
export function arg(input: Input, index: number): string {
  const value = input.args[index]
  if (value === undefined) throw new UsageError(`argument ${index + 1} is missing`)
  return value
}

/** The text of an option, or undefined when it was not given. */
export function option(input: Input, name: string): string | undefined {
  const value = input.options[name]
  return typeof value === 'string' ? value : undefined
}
