import { resolve } from 'node:path'
import { applyFolder, describeChanges } from '../apply-folder.ts'
import type { CommandSpec } from '../command.ts'

/** `kiban apply`: makes the project as its folder says. */
export const apply: CommandSpec = {
  name: 'apply',
  summary: 'Make the project as its folder says; creates it when it is new',
  args: ['[folder]'],
  example: 'kiban apply examples/flights',
  run: async ({ client, folder }, input) => {
    const data = await applyFolder(client, resolve(folder, input.args[0] ?? '.'))
    return { data, text: `revision ${data.number}\n${describeChanges(data.changes)}` }
  },
}
