import { readFileSync } from 'node:fs'
import { UsageError, arg } from '../command.ts'
import type { CommandSpec } from '../command.ts'

/** `kiban secret set`: set a secret to what stands on stdin. */
export const secretSet: CommandSpec = {
  name: 'secret set',
  summary: 'Set a secret to what stands on stdin',
  args: ['<name>'],
  example: 'printf %s "$PW" | kiban secret set PW',
  run: async ({ client, project }, input) => {
    // Never an argument: those are seen by every user of the machine and kept by the shell.
    const value = readFileSync(0, 'utf8').replace(/\n$/, '')
    if (value === '') throw new UsageError('nothing stands on stdin: printf %s "$VALUE" | kiban secret set NAME')
    const data = await client.setSecret({ project: project(), name: arg(input, 0), value })
    return { data, text: `${data.name}: version ${data.version}` }
  },
}
