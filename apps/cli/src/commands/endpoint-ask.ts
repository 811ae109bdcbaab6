import { readFileSync } from 'node:fs'
import { UsageError, arg } from '../command.ts'
import type { CommandSpec } from '../command.ts'

/** `kiban endpoint ask`: send rows (a JSON array of objects, from a file or stdin) and print the answers. */
export const endpointAsk: CommandSpec = {
  name: 'endpoint ask',
  summary: 'Send rows (a JSON array of objects, from a file or stdin) and print the answers',
  args: ['<endpoint>', '[file]'],
  example: 'kiban endpoint ask delay rows.json',
  run: async ({ client, project, token }, input) => {
    const endpoint = await client.getEndpoint({ project: project(), endpoint: arg(input, 0) })
    const text = readFileSync(input.args[1] ?? 0, 'utf8')
    let rows: unknown
    try {
      rows = JSON.parse(text)
    } catch {
      throw new UsageError('the rows are no JSON: give an array of objects, such as [{"carrier": "US"}]')
    }
    const headers = {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    }
    const answer = await fetch(endpoint.urls.rows, {
      method: 'POST',
      headers,
      body: JSON.stringify({ rows: Array.isArray(rows) ? rows : [rows] }),
    })
    const body = await answer.text()
    if (!answer.ok) throw new Error(`The endpoint answered ${answer.status}: ${body.slice(0, 2000)}`)
    const data: unknown = JSON.parse(body)
    return { data, text: JSON.stringify(data, null, 2) }
  },
}
