import type { Db } from '@kiban/kit/database'

export type EvidenceRow = {
  readonly id: string
  readonly version_id: string
  readonly digest: string
  readonly verdict: 'passed' | 'failed'
  /** The evidence without id and digest, canonical JSON: what the digest is of. */
  readonly body: string
  readonly created_by: string
  readonly created_at: number
}
export type ApprovalRow = {
  readonly id: string
  readonly version_id: string
  readonly digest: string
  readonly approver: string
  readonly decision: 'approved' | 'refused'
  readonly comment: string
  readonly sole_user: number
  readonly at: number
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }
declare module '@kiban/kit/database' {
  interface Tables {
    gate_evidence: Writable<EvidenceRow>
    version_approvals: Writable<ApprovalRow>
  }
}

export async function insertEvidence(db: Db, row: EvidenceRow): Promise<void> {
  await db.insertInto('gate_evidence').values(row).execute()
}

/** Evidence of some versions, newest first. */
export async function listEvidence(db: Db, versionIds: readonly string[]): Promise<EvidenceRow[]> {
  if (versionIds.length === 0) return []
  return db
    .selectFrom('gate_evidence')
    .selectAll()
    .where('version_id', 'in', versionIds)
    .orderBy('id', 'desc')
    .execute()
}

/** Records a decision; false when that person decided on this evidence before. */
export async function insertApproval(db: Db, row: ApprovalRow): Promise<boolean> {
  return (
    Number(
      (
        await db
          .insertInto('version_approvals')
          .values(row)
          .onConflict((c) => c.doNothing())
          .executeTakeFirst()
      ).numInsertedOrUpdatedRows,
    ) > 0
  )
}

export async function listApprovals(db: Db, versionId: string): Promise<ApprovalRow[]> {
  return db.selectFrom('version_approvals').selectAll().where('version_id', '=', versionId).orderBy('id').execute()
}
