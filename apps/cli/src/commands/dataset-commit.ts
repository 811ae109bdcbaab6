import { lstat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Client } from '@kiban/client'
import type { DatasetVersion } from '@kiban/contract/datasets'
import type { CommandSpec } from '../command.ts'
import { UsageError, arg, option } from '../command.ts'
import { hashFile, uploadMissing } from '../project-folder.ts'

const POLL_MS = 300

/** `kiban dataset commit`: uploads files and makes a version of them. */
export const datasetCommit: CommandSpec = {
  name: 'dataset commit',
  summary: 'Make a version of files; the dataset keeps its other files unless --replace is given',
  args: ['<dataset>', '<files...>'],
  options: [
    { flags: '--replace', description: 'the version is exactly these files' },
    { flags: '-m, --message <text>', description: 'what this is' },
    { flags: '--wait', description: 'until its contract has run; exit status 1 when it is blocked' },
  ],
  example: 'kiban dataset commit flights data/flights-2013-04.parquet -m "April"',
  run: async ({ client, project, folder, say, signal }, input) => {
    const dataset = arg(input, 0)
    const files = await Promise.all(input.args.slice(1).map((path) => localFile(resolve(folder, path))))
    const sent = await uploadMissing(client, project(), files)
    if (sent > 0) say(`${sent.toLocaleString('en')} bytes uploaded`)
    const committed = await client.commitDatasetVersion({
      project: project(),
      dataset,
      files: files.map(({ path, hash, sizeBytes }) => ({ path, hash, sizeBytes })),
      mode: input.options['replace'] === true ? 'replace' : 'append',
      message: option(input, 'message') ?? '',
    })
    const data = input.options['wait'] === true ? await checked(client, project(), committed, signal) : committed
    if (data.state === 'blocked')
      throw new Error(`${data.dataset} ${data.number} is blocked: ${data.stateReason ?? ''}`)
    return { data, text: `${data.dataset} ${data.number}: ${data.state}` }
  },
}

/** The version once its contract has run. */
async function checked(
  client: Client,
  project: string,
  version: DatasetVersion,
  signal: AbortSignal,
): Promise<DatasetVersion> {
  let now = version
  while (now.state === 'checking') {
    await setTimeout(POLL_MS, undefined, { signal })
    now = await client.getDatasetVersion({ project, dataset: now.dataset, version: String(now.number) }, { signal })
  }
  return now
}

async function localFile(from: string) {
  const stat = await lstat(from).catch(() => undefined)
  if (stat === undefined) throw new UsageError(`There is no file ${from}.`)
  if (!stat.isFile()) throw new UsageError(`${from} is no plain file.`)
  return { path: basename(from), from, hash: await hashFile(from), sizeBytes: stat.size }
}
