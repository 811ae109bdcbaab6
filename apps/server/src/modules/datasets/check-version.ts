import type { CheckResult } from '@kiban/contract/datasets'
import { emit, inTransaction, wake } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { getManifest, putManifest } from '@kiban/kit/manifests'
import { describeOperator } from './compile-checks.ts'
import { settingsOf } from './dataset-settings.ts'
import type { DatasetSettings } from './dataset-settings.ts'
import { blocks, stateAfterChecks, summarize } from './datasets.state.ts'
import type { Outcome } from './datasets.state.ts'
import {
  deleteProfile,
  findVersion,
  getDataset,
  insertProjectBlobs,
  replaceChecks,
  updateLeasedVersion,
} from './datasets.store.ts'
import type { DatasetRow, VersionRow } from './datasets.store.ts'
import { parseContract } from './parse-contract.ts'
import type { DataContract } from './parse-contract.ts'
import { quarantine } from './quarantine.ts'
import type { Quarantine } from './quarantine.ts'
import { describeFinding, runChecks } from './run-checks.ts'
import type { Finding } from './run-checks.ts'
import { tableFiles } from './table-files.ts'

/** The result of one rule as stored; its history is added when it is shown. */
export type StoredResult = Omit<CheckResult, 'history'>

type Verdict = {
  readonly state: VersionRow['state']
  readonly reason: string | null
  readonly rows: number | null
  readonly results: readonly StoredResult[]
  readonly outcomes: readonly Outcome[]
  readonly quarantine: Quarantine | undefined
}

const MAX_FAILURES = 3

/**
 * Runs the dataset's contract on a leased version and stores what it found. Errors of the machine (not of the data) are tried three
 * times; then the version is blocked with that reason, because unchecked data must not pass for checked.
 */
export async function checkVersion(ctx: Ctx, row: VersionRow & { lease_token: string }): Promise<void> {
  const dataset = await getDataset(ctx, row.project, row.name)
  const startedMs = performance.now()
  let verdict: Verdict
  try {
    verdict = await judge(ctx, dataset, row)
  } catch (error) {
    if (ctx.signal.aborted) throw error
    const failures = row.check_failures + 1
    ctx.log.error({ err: error, version: row.id, failures }, 'contract could not run')
    if (failures < MAX_FAILURES) {
      await inTransaction(ctx, (ctx) => updateLeasedVersion(ctx, row, { check_failures: failures }))
      return
    }
    const reason =
      error instanceof AppError
        ? error.message
        : 'the contract could not run: the files may be damaged (see the server log)'
    verdict = { state: 'blocked', reason, rows: null, results: [], outcomes: [], quarantine: undefined }
  }
  const manifest = verdict.quarantine
    ? await putManifest(ctx.platform.blobs, verdict.quarantine.files)
    : row.committed_manifest
  const parent = row.parent_number === null ? undefined : await findVersion(ctx, row.dataset_id, row.parent_number)
  const checkedAt = ctx.clock.now()
  await inTransaction(ctx, async (ctx) => {
    const kept = await updateLeasedVersion(ctx, row, {
      state: verdict.state,
      state_reason: verdict.reason,
      manifest,
      contract_hash: dataset.contract_hash,
      rows: verdict.rows,
      new_rows:
        verdict.rows === null
          ? null
          : row.mode === 'append' && parent
            ? parent.rows === null
              ? null
              : verdict.rows - parent.rows
            : verdict.rows,
      check_due: 0,
      count_due: 0,
      check_failures: 0,
      checks_json: JSON.stringify(summarize(verdict.outcomes)),
      checked_at: checkedAt,
      check_ms: performance.now() - startedMs,
      quarantine_blob: verdict.quarantine?.rowsBlob ?? null,
      quarantined_values: verdict.quarantine?.values ?? 0,
      quarantined_rows: verdict.quarantine?.rows ?? 0,
    })
    if (!kept) return
    await replaceChecks(
      ctx,
      row.id,
      verdict.results.map((result, position) => ({
        version_id: row.id,
        dataset_id: row.dataset_id,
        number: row.number,
        position,
        rule: result.rule,
        violations: result.violations,
        result_json: JSON.stringify(result),
      })),
    )
    if (manifest !== row.manifest) await deleteProfile(ctx, row.id)
    if (verdict.quarantine) await insertProjectBlobs(ctx, row.project, verdict.quarantine.files)
    const event = {
      topic: `projects/${row.project}/datasets`,
      id: row.id,
      data: { dataset: row.name, number: row.number, state: verdict.state, reason: verdict.reason },
    }
    emit(ctx, { ...event, kind: verdict.state === 'blocked' ? 'dataset.blocked' : 'dataset.checked' })
    // What waits for a usable version looks again.
    wake(ctx, 'pipelines')
    wake(ctx, 'monitors')
  })
}

/** The contract of a dataset, parsed. Throws `dataset_no_contract`, `contract_invalid`. */
export async function readContract(
  ctx: Ctx,
  dataset: DatasetRow,
  settings: DatasetSettings = settingsOf(dataset),
): Promise<DataContract> {
  if (dataset.contract_hash === null || !settings.contract)
    throw new AppError('dataset_no_contract', {
      message: `${dataset.name} has no contract. Give it one in kiban.yaml: datasets.${dataset.name}.contract`,
    })
  const text = (await ctx.platform.blobs.read(dataset.contract_hash)).toString('utf8')
  return parseContract(text, { file: settings.contract.file, dataset: dataset.name })
}

async function judge(ctx: Ctx, dataset: DatasetRow, row: VersionRow): Promise<Verdict> {
  if (dataset.contract_hash === null)
    return { state: 'usable', reason: null, rows: row.rows, results: [], outcomes: [], quarantine: undefined }
  const settings = settingsOf(dataset)
  const contract = await readContract(ctx, dataset, settings)
  const committed = await getManifest(ctx.platform.blobs, row.committed_manifest)
  const tables = tableFiles(ctx.platform.blobs, committed)
  if (tables.length === 0)
    return {
      state: 'blocked',
      reason: 'it has no Parquet, CSV or JSON file that the contract could be run on',
      rows: null,
      results: [],
      outcomes: [],
      quarantine: undefined,
    }
  const onFail = settings.contract?.onFail ?? 'block'
  const run = await runChecks(contract, { files: tables, onFail, key: settings.key, signal: ctx.signal })
  const aside = await quarantine({
    blobs: ctx.platform.blobs,
    table: contract.table.name,
    tables,
    committed,
    findings: run.findings,
    signal: ctx.signal,
  })
  const outcomes = run.findings.map((finding) => outcomeOf(finding, aside))
  const state = stateAfterChecks(outcomes)
  const results = run.findings.map((finding, i) => storedResult(finding, outcomes[i], state))
  const stopped = run.findings.filter((_, i) => {
    const outcome = outcomes[i]
    return outcome !== undefined && blocks(outcome)
  })
  const reason = state === 'blocked' ? stopped.slice(0, 5).map(describeFinding).join('; ') : null
  // A blocked version is used by nobody, so nothing of it is set aside.
  return { state, reason, rows: run.rows, results, outcomes, quarantine: state === 'blocked' ? undefined : aside }
}

function outcomeOf(finding: Finding, aside: Quarantine | undefined): Outcome {
  const { severity, onFail, rule } = finding.check
  const result =
    finding.error !== null
      ? 'error'
      : finding.holds
        ? 'holds'
        : severity === 'error'
          ? 'broken'
          : severity === 'warn'
            ? 'warns'
            : 'noted'
  return { result, onFail, quarantined: aside?.rules.has(rule) ?? false }
}

function storedResult(finding: Finding, outcome: Outcome | undefined, state: VersionRow['state']): StoredResult {
  const { check } = finding
  const effect =
    outcome === undefined
      ? 'none'
      : blocks(outcome)
        ? 'blocked'
        : !outcome.quarantined || state === 'blocked'
          ? 'none'
          : check.measure.kind === 'rows' && check.measure.column !== null
            ? 'values_nulled'
            : 'rows_held_back'
  const plain = check.operator.name === 'mustBe' && check.operator.value === 0 && !check.percent
  return {
    rule: check.rule,
    title: check.title,
    column: check.column,
    severity: check.severity,
    unit: check.unit,
    result: outcome?.result ?? 'error',
    violations: finding.violations,
    measured: finding.measured,
    threshold: plain ? null : describeOperator(check.operator, check.percent),
    onFail: check.onFail,
    effect,
    samples: finding.samples.map((sample) => ({ ...sample })) as StoredResult['samples'], // SqlValue is JSON
    error: finding.error,
  }
}
