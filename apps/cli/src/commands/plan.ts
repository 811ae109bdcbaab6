import { resolve } from 'node:path'
import { applyBody, describeChanges, openProject } from '../apply-folder.ts'
import type { CommandSpec } from '../command.ts'

/** `kiban plan`: what `apply` would change. */
export const plan: CommandSpec = {
  name: 'plan',
  summary: 'What applying a project’s folder would change',
  args: ['[folder]'],
  example: 'kiban plan examples/flights',
  run: async ({ client, folder }, input) => {
    const snapshot = await openProject(client, resolve(folder, input.args[0] ?? '.'))
    const data = await client.planProject({ project: snapshot.name, ...applyBody(snapshot) })
    return { data, text: describeChanges(data.changes) }
  },
}
