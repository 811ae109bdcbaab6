import type { Db } from '@kiban/kit/database'
import { inChunks } from './runs.store.ts'

export type LoggedDatasetRow = {
  readonly id: string
  readonly project: string
  readonly experiment_id: number
  readonly name: string
  readonly digest: string
  readonly source_type: string
  readonly source: string
  readonly schema: string | null
  readonly profile: string | null
}
export type RunDatasetRow = LoggedDatasetRow & { readonly run_seq: number; readonly tags: string }
export type RunModelRow = {
  readonly run_seq: number
  readonly model_id: string
  readonly direction: 'input' | 'output'
  readonly step: number
  readonly position: number
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }
declare module '@kiban/kit/database' {
  interface Tables {
    logged_datasets: Writable<LoggedDatasetRow>
    run_datasets: { run_seq: number; dataset_id: string; position: number; context: string | null; tags: string }
    run_models: Writable<RunModelRow>
  }
}

/** Inserts the data set unless its name and digest are there, and returns its id. */
export async function upsertLoggedDataset(db: Db, row: LoggedDatasetRow): Promise<string> {
  await db
    .insertInto('logged_datasets')
    .values(row)
    .onConflict((c) => c.doNothing())
    .execute()
  const { id } = await db
    .selectFrom('logged_datasets')
    .select('id')
    .where('project', '=', row.project)
    .where('experiment_id', '=', row.experiment_id)
    .where('name', '=', row.name)
    .where('digest', '=', row.digest)
    .executeTakeFirstOrThrow()
  return id
}

export async function insertRunDataset(
  db: Db,
  row: { run_seq: number; dataset_id: string; position: number; context: string | null; tags: string },
): Promise<void> {
  await db
    .insertInto('run_datasets')
    .values(row)
    .onConflict((c) => c.columns(['run_seq', 'dataset_id']).doUpdateSet({ tags: row.tags, context: row.context }))
    .execute()
}

export async function insertRunModels(db: Db, rows: readonly RunModelRow[]): Promise<void> {
  if (rows.length === 0) return
  await db
    .insertInto('run_models')
    .values([...rows])
    .onConflict((c) =>
      c.columns(['run_seq', 'direction', 'model_id']).doUpdateSet((e) => ({ step: e.ref('excluded.step') })),
    )
    .execute()
}

export async function listRunDatasets(db: Db, seqs: readonly number[]): Promise<RunDatasetRow[]> {
  const rows: RunDatasetRow[] = []
  for (const chunk of inChunks(seqs))
    rows.push(
      ...(await db
        .selectFrom('run_datasets as rd')
        .innerJoin('logged_datasets as d', 'd.id', 'rd.dataset_id')
        .selectAll('d')
        .select(['rd.run_seq', 'rd.tags'])
        .where('rd.run_seq', 'in', chunk)
        .orderBy('rd.position')
        .execute()),
    )
  return rows
}

export async function listRunModels(db: Db, seqs: readonly number[]): Promise<RunModelRow[]> {
  const rows: RunModelRow[] = []
  for (const chunk of inChunks(seqs))
    rows.push(
      ...(await db.selectFrom('run_models').selectAll().where('run_seq', 'in', chunk).orderBy('position').execute()),
    )
  return rows
}

/** Data sets and contexts that the runs of some experiments logged, for the search box. */
export async function listDatasetSummaries(
  db: Db,
  project: string,
  experimentIds: readonly number[],
): Promise<{ experiment_id: number; name: string; digest: string; context: string | null }[]> {
  return db
    .selectFrom('logged_datasets as d')
    .leftJoin('run_datasets as rd', 'rd.dataset_id', 'd.id')
    .select(['d.experiment_id', 'd.name', 'd.digest', 'rd.context'])
    .distinct()
    .where('d.project', '=', project)
    .where('d.experiment_id', 'in', experimentIds)
    .orderBy('d.name')
    .limit(1000)
    .execute()
}
