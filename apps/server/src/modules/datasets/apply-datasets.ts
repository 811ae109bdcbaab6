import type { DatasetSpec, ProjectFile } from '@kiban/contract/project-file'
import type { ManifestFile } from '@kiban/contract/primitives'
import { emit, wake } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { getManifest, putManifest } from '@kiban/kit/manifests'
import type { ApplySection, Change } from '@kiban/kit/module'
import { commitVersion, createDataset } from './commit-dataset.ts'
import { DatasetSettings } from './dataset-settings.ts'
import { findDataset, findNewest, listDatasetRows, updateDataset, updateVersion } from './datasets.store.ts'
import type { DatasetRow } from './datasets.store.ts'
import { globFiles } from './glob-files.ts'
import { parseContract } from './parse-contract.ts'

/**
 * Makes the datasets as the project file says: settings and contracts are set, a `source` glob over the project's own files makes a
 * version when what it matches has changed, and a declared dataset that left the file is archived. A new contract is also run on the
 * newest version. Throws `contract_invalid`, `dataset_source_unsupported`.
 */
export const applyDatasets: ApplySection = async (ctx, { project, file, previous, codeManifest }) => {
  const files = await getManifest(ctx.platform.blobs, codeManifest)
  const changes: Change[] = []
  for (const [name, spec] of Object.entries(file.datasets ?? {}))
    changes.push(...(await applyOne(ctx, { project, name, spec, files })))
  for (const row of await listDatasetRows(ctx, project, false)) {
    if (!declares(previous, row.name) || declares(file, row.name)) continue
    await updateDataset(ctx, row.id, { archived_at: ctx.clock.now() })
    changes.push({ kind: 'archive', noun: 'dataset', name: row.name })
  }
  if (changes.length > 0) emit(ctx, { topic: `projects/${project}/datasets`, kind: 'dataset.applied', id: project })
  return changes
}

type One = {
  readonly project: string
  readonly name: string
  readonly spec: DatasetSpec
  readonly files: readonly ManifestFile[]
}

async function applyOne(ctx: Ctx, { project, name, spec, files }: One): Promise<Change[]> {
  const contract = typeof spec.contract === 'string' ? { file: spec.contract, onFail: 'block' as const } : spec.contract
  const source = sourceOf(name, spec)
  const settings: DatasetSettings = {
    description: spec.description ?? null,
    owner: spec.owner ?? null,
    type: spec.type,
    key: spec.key ?? [],
    timestamp: spec.timestamp ?? null,
    source,
    sensitivity: spec.sensitivity,
    contract: contract ? { file: contract.file, onFail: contract.onFail } : null,
  }
  const held = contract ? await readContractFile(ctx, { name, file: contract.file, files }) : { hash: null, rules: 0 }
  const known = await findDataset(ctx, project, name)
  const row = known ?? (await createDataset(ctx, project, name))
  const spec_json = JSON.stringify(settings)
  const contractChanged =
    row.contract_hash !== held.hash ||
    (contract !== undefined && DatasetSettings.parse(JSON.parse(row.spec_json)).contract?.onFail !== contract.onFail)
  const changed = row.spec_json !== spec_json || contractChanged || row.archived_at !== null
  if (changed)
    await updateDataset(ctx, row.id, {
      spec_json,
      contract_hash: held.hash,
      contract_rules: held.rules,
      archived_at: null,
    })
  const changes: Change[] = known
    ? changed
      ? [{ kind: 'update', noun: 'dataset', name }]
      : []
    : [{ kind: 'create', noun: 'dataset', name }]
  const committed = source === null ? undefined : await commitSource(ctx, { project, row, source, files })
  if (committed !== undefined)
    changes.push({ kind: 'create', noun: 'dataset version', name: `${name}/${committed}`, detail: `from ${source}` })
  else if (contractChanged && held.hash !== null && row.newest_number > 0) await recheckNewest(ctx, row)
  return changes
}

function sourceOf(name: string, spec: DatasetSpec): string | null {
  if (spec.source === undefined) return null
  if (typeof spec.source !== 'string')
    throw new AppError('dataset_source_unsupported', {
      message: `datasets.${name}.source.from: ${spec.source.from} is a remote source, which this version does not read. Commit the files with \`kiban dataset commit ${name} <files>\`, or give a path of the project.`,
    })
  if (/^[a-z][a-z0-9+.-]*:/i.test(spec.source))
    throw new AppError('dataset_source_unsupported', {
      message: `datasets.${name}.source: ${spec.source} is an address, which this version does not read. Commit the files with \`kiban dataset commit ${name} <files>\`, or give a path of the project.`,
    })
  return spec.source
}

async function readContractFile(
  ctx: Ctx,
  { name, file, files }: { name: string; file: string; files: readonly ManifestFile[] },
): Promise<{ hash: string; rules: number }> {
  const entry = files.find((candidate) => candidate.path === file)
  if (!entry)
    throw new AppError('contract_invalid', {
      message: `datasets.${name}.contract: the project has no file ${file}. Correct the path, or add the file.`,
    })
  const contract = parseContract((await ctx.platform.blobs.read(entry.hash)).toString('utf8'), { file, dataset: name })
  const ofColumns = contract.table.properties.reduce((sum, property) => sum + (property.quality?.length ?? 0), 0)
  return { hash: entry.hash, rules: (contract.table.quality?.length ?? 0) + ofColumns }
}

/** The number of the version made of the files that `source` matches, or undefined when they have not changed since. */
async function commitSource(
  ctx: Ctx,
  input: { project: string; row: DatasetRow; source: string; files: readonly ManifestFile[] },
): Promise<number | undefined> {
  const matched = globFiles(input.source, input.files)
  if (matched.length === 0)
    throw new AppError('dataset_source_unsupported', {
      message: `datasets.${input.row.name}.source: no file of the project matches ${input.source}. Correct the pattern, or leave \`source\` out and commit files.`,
    })
  const manifest = await putManifest(ctx.platform.blobs, matched)
  // Compared with what the source gave before, not with the newest version: files committed since must not be undone by an apply.
  if (manifest === input.row.source_manifest) return undefined
  const version = await commitVersion(ctx, {
    project: input.project,
    name: input.row.name,
    files: matched,
    message: `from ${input.source}`,
    audited: true,
  })
  await updateDataset(ctx, input.row.id, { source_manifest: manifest })
  return version.number
}

async function recheckNewest(ctx: Ctx, row: DatasetRow): Promise<void> {
  const newest = await findNewest(ctx, row.id, 'any')
  if (!newest) return
  await updateVersion(ctx, newest.id, { check_due: 1, count_due: 0 })
  wake(ctx, 'datasets')
}

function declares(file: ProjectFile | null, name: string): boolean {
  return file?.datasets !== undefined && Object.hasOwn(file.datasets, name)
}
