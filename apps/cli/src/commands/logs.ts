import type { CommandSpec } from '../command.ts'
import { arg } from '../command.ts'

/** `kiban logs`: what a job wrote. */
export const logs: CommandSpec = {
  name: 'logs',
  summary: 'What a job wrote; --follow goes on until it ends',
  args: ['<job>'],
  options: [{ flags: '-f, --follow', description: 'go on until the job ends' }],
  example: 'kiban logs job_01 --follow',
  run: async ({ client, project, json, signal }, input) => {
    const id = arg(input, 0)
    if (input.options['follow'] === true && !json) {
      for await (const event of client.followJobLog({ project: project(), id }, { signal })) {
        const data: unknown = JSON.parse(event.data)
        const lines =
          typeof data === 'object' && data !== null && 'lines' in data && Array.isArray(data.lines) ? data.lines : []
        for (const line of lines) process.stdout.write(`${String(line)}\n`)
      }
      return undefined
    }
    const log = await client.downloadJobLog({ project: project(), id })
    const text = await log.text()
    return { data: { id, lines: text.split('\n') }, text: text.trimEnd() }
  },
}
