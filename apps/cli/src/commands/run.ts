import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandSpec } from '../command.ts'
import { UsageError, arg } from '../command.ts'

const ENDED = new Set(['succeeded', 'failed', 'cancelled'])

/** `kiban run`: starts a pipeline and waits for its end. */
export const run: CommandSpec = {
  name: 'run',
  summary: 'Start a pipeline and wait for its end; parameters are name=value',
  args: ['<pipeline>', '[params...]'],
  options: [
    { flags: '--no-cache', description: 'compute every step anew' },
    { flags: '--detach', description: 'do not wait' },
  ],
  example: 'kiban run train cutoff=2013-08-01 trials=4',
  run: async ({ client, project, say, signal }, input) => {
    const params = Object.fromEntries(input.args.slice(1).map(readParam))
    const started = await client.startPipelineRun({
      project: project(),
      pipeline: arg(input, 0),
      params,
      ...(input.options['cache'] === false ? { noCache: true } : {}),
    })
    say(`${started.name} (${started.id})`)
    if (input.options['detach'] === true) return { data: started, text: started.id }
    const seen = new Map<string, string>()
    for (;;) {
      const now = await client.getPipelineRun({ project: project(), run: started.id })
      for (const step of now.steps) {
        const key = `${step.name} ${step.item}`.trim()
        if (seen.get(key) === step.state) continue
        seen.set(key, step.state)
        if (step.state !== 'waiting')
          say(`  ${key}: ${step.state}${step.cache?.result === 'hit' ? ' (from the cache)' : ''}`)
      }
      if (ENDED.has(now.state)) {
        if (now.state !== 'succeeded')
          throw new Error(`${now.name} ${now.state}: ${now.message ?? now.cause ?? 'no reason was given'}`)
        return { data: now, text: `${now.name}: ${now.state}` }
      }
      await sleep(500, undefined, { signal })
    }
  },
}

function readParam(text: string): [string, string | number | boolean] {
  const equals = text.indexOf('=')
  if (equals < 1) throw new UsageError(`a parameter is name=value, not ${JSON.stringify(text)}`)
  const value = text.slice(equals + 1)
  if (value === 'true' || value === 'false') return [text.slice(0, equals), value === 'true']
  return [text.slice(0, equals), value !== '' && Number.isFinite(Number(value)) ? Number(value) : value]
}
