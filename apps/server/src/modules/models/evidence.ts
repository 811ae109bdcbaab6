import { Evidence } from '@kiban/contract/models'
import { canonicalJson, sha256 } from '@kiban/kit/canonical-json'
import type { Ctx } from '@kiban/kit/context'
import { newId } from '@kiban/kit/ids'
import { insertEvidence, listEvidence } from './evidence.store.ts'
import type { EvidenceRow } from './evidence.store.ts'
import type { EvaluationResult } from './evaluation.ts'
import { policyDigest } from './model-spec.ts'
import type { StoredSpec } from './model-spec.ts'
import type { NamedVersionRow } from './versions.store.ts'

type EvidenceBody = Omit<Evidence, 'id' | 'digest'>

export type EvidenceInput = {
  readonly spec: StoredSpec
  readonly version: NamedVersionRow
  readonly champion: NamedVersionRow | null
  readonly evaluation: { readonly tree: string; readonly uri: string | null } | null
  /** What was computed; absent when the evaluation itself failed, and then why. */
  readonly result: EvaluationResult | null
  readonly problem: string | null
  readonly parity: Evidence['parity']
}

/** The gate's decision with everything that it saw. Pure but for time and actor. */
export function composeEvidence(ctx: Ctx, input: EvidenceInput): EvidenceBody {
  const { result, champion, version } = input
  const checks = (result?.checks ?? []).map((check) => ({
    rule: check.rule,
    metric: check.metric,
    severity: check.severity,
    verdict: check.verdict,
    value: check.value,
    reference: check.reference,
    referenceName:
      check.opponent !== null && champion !== null && check.opponent === nameOf(champion)
        ? `${champion.name} v${champion.number}`
        : check.opponent,
    d: check.d,
    interval: check.interval && { low: check.interval.lower, high: check.interval.upper, level: check.interval.level },
    rows: check.n,
    groups: check.groups,
    reason: check.reason,
  }))
  const failed = checks.filter((check) => check.verdict === 'failed' && check.severity === 'error')
  const broken = result?.problems[nameOf(version)]
  const parityFailed = input.parity?.verdict === 'failed'
  const reasons = [
    ...(input.problem === null ? [] : [input.problem]),
    ...(broken === undefined ? [] : [`The model cannot be loaded: ${broken}`]),
    ...(parityFailed ? [input.parity?.reason ?? ''] : []),
    ...failed.map((check) => check.reason),
  ]
  const names = result ? Object.keys(result.baseline) : []
  const of = (name: string | undefined, metric: string) =>
    name === undefined ? null : (result?.metrics[name]?.[metric] ?? null)
  return {
    verdict: reasons.length > 0 ? 'failed' : 'passed',
    reason:
      reasons.length > 0
        ? sentence(reasons)
        : checks.length > 0
          ? `All ${checks.length} checks passed.`
          : 'The project file has no gate for this model.',
    candidate: { version: version.number, manifest: version.manifest },
    champion: champion && { version: champion.number, manifest: champion.manifest },
    evaluation: {
      datasetUri: input.evaluation?.uri ?? null,
      digest: input.evaluation?.tree ?? sha256(''),
      rows: result?.rows ?? 0,
    },
    policyDigest: policyDigest(input.spec),
    parity: input.parity,
    checks,
    metrics: names.map((metric) => ({
      metric,
      candidate: of(nameOf(version), metric),
      champion: of(champion ? nameOf(champion) : undefined, metric),
      baseline: result?.baseline[metric] ?? null,
    })),
    createdAt: ctx.clock.now(),
    createdBy: ctx.actor.onBehalfOf ?? ctx.actor.id,
  }
}

/** Several reasons as one sentence, each once. */
function sentence(reasons: readonly string[]): string {
  const parts = [...new Set(reasons.map((reason) => reason.replace(/\.$/, '')))]
  const text = parts.join('; ')
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

/** How a version is called in an evaluation. */
export function nameOf(version: { readonly id: string }): string {
  return version.id
}

/** Stores evidence, for good; returns it with its digest. In a transaction. */
export async function storeEvidence(ctx: Ctx, versionId: string, body: EvidenceBody): Promise<Evidence> {
  const text = canonicalJson(body)
  const row: EvidenceRow = {
    id: newId('evd'),
    version_id: versionId,
    digest: sha256(text),
    verdict: body.verdict,
    body: text,
    created_by: body.createdBy,
    created_at: body.createdAt,
  }
  await insertEvidence(ctx.db, row)
  return presentEvidence(row)
}

export function presentEvidence(row: EvidenceRow): Evidence {
  return Evidence.parse({ ...JSON.parse(row.body), id: row.id, digest: row.digest })
}

/** The newest evidence of a version. */
export async function newestEvidence(ctx: Ctx, versionId: string): Promise<Evidence | undefined> {
  const [row] = await listEvidence(ctx.db, [versionId])
  return row && presentEvidence(row)
}
