import { sql } from 'kysely'
import type { Db } from '@kiban/kit/database'

/** What has artifacts: a run, a model that a run logged, or a registered version (whose artifacts never change). */
export type ArtifactOwner = {
  readonly project: string
  readonly kind: 'run' | 'logged_model' | 'model_version'
  readonly id: string
}
export type ArtifactRow = { readonly path: string; readonly hash: string; readonly size_bytes: number }

declare module '@kiban/kit/database' {
  interface Tables {
    artifacts: {
      project: string
      owner_kind: ArtifactOwner['kind']
      owner_id: string
      path: string
      hash: string
      size_bytes: number
      created_at: number
    }
  }
}

export async function findArtifact(db: Db, owner: ArtifactOwner, path: string): Promise<ArtifactRow | undefined> {
  return db
    .selectFrom('artifacts')
    .select(['path', 'hash', 'size_bytes'])
    .where('project', '=', owner.project)
    .where('owner_kind', '=', owner.kind)
    .where('owner_id', '=', owner.id)
    .where('path', '=', path)
    .executeTakeFirst()
}

export async function upsertArtifact(
  db: Db,
  owner: ArtifactOwner,
  row: ArtifactRow & { created_at: number },
): Promise<void> {
  await db
    .insertInto('artifacts')
    .values({ project: owner.project, owner_kind: owner.kind, owner_id: owner.id, ...row })
    .onConflict((c) =>
      c
        .columns(['project', 'owner_kind', 'owner_id', 'path'])
        .doUpdateSet({ hash: row.hash, size_bytes: row.size_bytes, created_at: row.created_at }),
    )
    .execute()
}

/** Every artifact below a folder ('' is all), by path. */
export async function listArtifactRows(db: Db, owner: ArtifactOwner, folder: string): Promise<ArtifactRow[]> {
  let query = db
    .selectFrom('artifacts')
    .select(['path', 'hash', 'size_bytes'])
    .where('project', '=', owner.project)
    .where('owner_kind', '=', owner.kind)
    .where('owner_id', '=', owner.id)
  // '0' is the character after '/': a range on the key, which LIKE with its wildcards in names is not.
  if (folder !== '') query = query.where('path', '>', `${folder}/`).where('path', '<', `${folder}0`)
  return query.orderBy('path').execute()
}

/** Deletes the artifact, or all below it when it is a folder; returns how many. */
export async function deleteArtifactRows(db: Db, owner: ArtifactOwner, path: string): Promise<number> {
  const result = await db
    .deleteFrom('artifacts')
    .where('project', '=', owner.project)
    .where('owner_kind', '=', owner.kind)
    .where('owner_id', '=', owner.id)
    .where((e) => e.or([e('path', '=', path), e.and([e('path', '>', `${path}/`), e('path', '<', `${path}0`)])]))
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}

/** Whether a file stands where one of these folders would be, or a folder where the file would be. */
export async function findArtifactInTheWay(db: Db, owner: ArtifactOwner, path: string): Promise<string | undefined> {
  const parents = path
    .split('/')
    .slice(0, -1)
    .map((_, i, parts) => parts.slice(0, i + 1).join('/'))
  const row = await db
    .selectFrom('artifacts')
    .select('path')
    .where('project', '=', owner.project)
    .where('owner_kind', '=', owner.kind)
    .where('owner_id', '=', owner.id)
    .where((e) =>
      e.or([
        ...(parents.length ? [e('path', 'in', parents)] : []),
        e.and([e('path', '>', `${path}/`), e('path', '<', `${path}0`)]),
      ]),
    )
    .limit(1)
    .executeTakeFirst()
  return row?.path
}

export async function sumArtifacts(db: Db, owner: ArtifactOwner): Promise<{ count: number; bytes: number }> {
  const row = await db
    .selectFrom('artifacts')
    .select((e) => [e.fn.countAll<number>().as('count'), sql<number>`coalesce(sum(size_bytes), 0)`.as('bytes')])
    .where('project', '=', owner.project)
    .where('owner_kind', '=', owner.kind)
    .where('owner_id', '=', owner.id)
    .executeTakeFirstOrThrow()
  return { count: Number(row.count), bytes: Number(row.bytes) }
}

/** Writes the files of a version, once: what is there stays as it is. */
export async function insertArtifacts(
  db: Db,
  owner: ArtifactOwner,
  rows: readonly ArtifactRow[],
  createdAt: number,
): Promise<void> {
  for (let i = 0; i < rows.length; i += 500)
    await db
      .insertInto('artifacts')
      .values(
        rows.slice(i, i + 500).map((row) => ({
          project: owner.project,
          owner_kind: owner.kind,
          owner_id: owner.id,
          path: row.path,
          hash: row.hash,
          size_bytes: row.size_bytes,
          created_at: createdAt,
        })),
      )
      .onConflict((c) => c.doNothing())
      .execute()
}
