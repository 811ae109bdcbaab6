import { CheckResult, CheckSummary } from '@kiban/contract/datasets'
import type { Dataset, DatasetChecks, DatasetVersion } from '@kiban/contract/datasets'
import type { Ctx } from '@kiban/kit/context'
import { settingsOf } from './dataset-settings.ts'
import { countVersions, findNewest, listCheckHistory, listChecks, listNewest, listTags } from './datasets.store.ts'
import type { DatasetRow, VersionRow } from './datasets.store.ts'

const StoredResult = CheckResult.omit({ history: true })
const HISTORY = 24

export function presentVersion(row: VersionRow, tags: readonly { name: string; number: number }[]): DatasetVersion {
  return {
    id: row.id,
    dataset: row.name,
    number: row.number,
    parentNumber: row.parent_number,
    mode: row.mode,
    state: row.state,
    stateReason: row.state_reason,
    message: row.message,
    manifest: row.manifest,
    committedManifest: row.committed_manifest,
    files: row.files,
    sizeBytes: row.size_bytes,
    newBytes: row.new_bytes,
    rows: row.rows,
    newRows: row.new_rows,
    quarantine: row.quarantine_blob === null ? null : { values: row.quarantined_values, rows: row.quarantined_rows },
    checks: row.checks_json === null ? null : CheckSummary.parse(JSON.parse(row.checks_json)),
    tags: tags.filter((tag) => tag.number === row.number).map((tag) => tag.name),
    producedBy:
      row.producer_kind === null || row.producer_id === null ? null : { kind: row.producer_kind, id: row.producer_id },
    createdAt: row.created_at,
    createdBy: row.created_by,
  }
}

/** A version with its tags. */
export async function presentOneVersion(ctx: Ctx, row: VersionRow): Promise<DatasetVersion> {
  return presentVersion(row, await listTags(ctx, [row.dataset_id]))
}

/** Datasets of one project with their newest versions: four queries, however many there are. */
export async function presentDatasets(ctx: Ctx, project: string, rows: readonly DatasetRow[]): Promise<Dataset[]> {
  const [latest, usable, tags, counts] = [
    await listNewest(ctx, project, false),
    await listNewest(ctx, project, true),
    await listTags(
      ctx,
      rows.map((row) => row.id),
    ),
    await countVersions(ctx, project),
  ]
  return rows.map((row) => {
    const own = {
      latest: latest.find((version) => version.dataset_id === row.id),
      usable: usable.find((version) => version.dataset_id === row.id),
    }
    return presentDataset(row, {
      ...own,
      tags: tags.filter((tag) => tag.dataset_id === row.id),
      versions: counts.get(row.id) ?? 0,
    })
  })
}

export async function presentOneDataset(ctx: Ctx, row: DatasetRow): Promise<Dataset> {
  const [latest, usable, tags] = [
    await findNewest(ctx, row.id, 'any'),
    await findNewest(ctx, row.id, 'usable'),
    await listTags(ctx, [row.id]),
  ]
  return presentDataset(row, { latest, usable, tags, versions: row.newest_number })
}

function presentDataset(
  row: DatasetRow,
  own: {
    latest: VersionRow | undefined
    usable: VersionRow | undefined
    tags: readonly { name: string; number: number }[]
    versions: number
  },
): Dataset {
  const settings = settingsOf(row)
  return {
    id: row.id,
    name: row.name,
    description: settings.description,
    owner: settings.owner,
    type: settings.type,
    key: settings.key,
    timestamp: settings.timestamp,
    source: settings.source,
    sensitivity: settings.sensitivity,
    contract: settings.contract && { ...settings.contract, rules: row.contract_rules },
    versions: own.versions,
    latest: own.latest ? presentVersion(own.latest, own.tags) : null,
    newestUsable: own.usable ? { id: own.usable.id, number: own.usable.number } : null,
    tags: own.tags.map((tag) => ({ name: tag.name, version: tag.number })),
    archivedAt: row.archived_at,
    createdAt: row.created_at,
    createdBy: row.created_by,
  }
}

/** The result of every rule on a version: what is broken first, then as in the contract, each with its history. */
export async function presentChecks(ctx: Ctx, dataset: DatasetRow, row: VersionRow): Promise<DatasetChecks> {
  const results = (await listChecks(ctx, row.id)).map((check) => StoredResult.parse(JSON.parse(check.result_json)))
  const history = await listCheckHistory(ctx, dataset.id, row.number - HISTORY + 1, row.number)
  const order = { error: 0, broken: 1, warns: 2, noted: 3, holds: 4 }
  return {
    version: row.number,
    state: row.state,
    contractFile: settingsOf(dataset).contract?.file ?? null,
    contractHash: row.contract_hash,
    rows: row.rows,
    summary: row.checks_json === null ? null : CheckSummary.parse(JSON.parse(row.checks_json)),
    results: results
      .map((result) => ({
        ...result,
        history: history
          .filter((entry) => entry.rule === result.rule)
          .map((entry) => ({ version: entry.number, violations: entry.violations })),
      }))
      .sort((a, b) => order[a.result] - order[b.result]),
    checkedAt: row.checked_at,
    durationMs: row.check_ms,
  }
}
