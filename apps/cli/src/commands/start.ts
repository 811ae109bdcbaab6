import type { CommandSpec } from '../command.ts'

/** `kiban start`: the server and the life of the example. */
export const start: CommandSpec = {
  name: 'start',
  summary: 'Start the server and let the example live through its year; Ctrl-C ends it',
  options: [
    { flags: '--exit', description: 'end after the summary: status 0, or 1 when a step failed' },
    { flags: '--fresh', description: 'begin with a new, empty home; the old one is kept beside it' },
  ],
  example: 'kiban start --exit',
  run: async (ctx, input) => {
    // Loaded late: it brings DuckDB with it, which no other command needs.
    const { startExample } = await import('../example/start-example.ts')
    await startExample(ctx, { exit: input.options['exit'] === true, fresh: input.options['fresh'] === true })
    return undefined
  },
}
