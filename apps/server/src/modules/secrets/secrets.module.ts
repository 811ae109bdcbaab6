import { secrets as contract } from '@kiban/contract'
import { inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { newId } from '@kiban/kit/ids'
import { route } from '@kiban/kit/module'
import type { Module } from '@kiban/kit/module'
import { recordAudit } from '../audit/index.ts'
import { getProject } from '../projects/index.ts'
import { seal } from './envelope.ts'
import { masterKey } from './master-key.ts'
import { migrations } from './secrets.migrations.ts'
import { findSecret, listSecretRows, removeSecret, upsertSecret } from './secrets.store.ts'
import type { SecretRow } from './secrets.store.ts'

export const secrets: Module = {
  name: 'secrets',
  migrations,
  routes: [
    route(contract.listSecrets, async (ctx, { params }) => {
      await getProject(ctx, params.project)
      return { secrets: (await listSecretRows(ctx, params.project)).map(presentSecret) }
    }),
    route(contract.setSecret, async (ctx, { params, body }) =>
      presentSecret(await setSecret(ctx, params.project, params.name, body.value)),
    ),
    route(contract.deleteSecret, async (ctx, { params }) => {
      await deleteSecret(ctx, params.project, params.name)
      return {}
    }),
  ],
}

async function setSecret(ctx: Ctx, project: string, name: string, value: string): Promise<SecretRow> {
  const key = masterKey(ctx.platform.home)
  return inTransaction(ctx, async (ctx) => {
    await getProject(ctx, project)
    const known = await findSecret(ctx, project, name)
    const id = known?.id ?? newId('sec')
    const version = (known?.version ?? 0) + 1
    const envelope = seal(key, `${id}:${version}`, value)
    const row: SecretRow = {
      id,
      organisation_id: 'org_local',
      project,
      name,
      version,
      wrapped_key: envelope.wrappedKey,
      ciphertext: envelope.ciphertext,
      updated_at: ctx.clock.now(),
      updated_by: ctx.actor.id,
    }
    await upsertSecret(ctx, row)
    await recordAudit(ctx, {
      action: 'secret.write',
      resource: { kind: 'secret', id },
      project,
      after: { name, version },
    })
    return row
  })
}

async function deleteSecret(ctx: Ctx, project: string, name: string): Promise<void> {
  await inTransaction(ctx, async (ctx) => {
    await getProject(ctx, project)
    const known = await findSecret(ctx, project, name)
    if (!known) throw new AppError('secret_not_found', { message: `There is no secret ${name} in ${project}.` })
    await removeSecret(ctx, known.id)
    await recordAudit(ctx, {
      action: 'secret.write',
      resource: { kind: 'secret', id: known.id },
      project,
      before: { name, version: known.version },
    })
  })
}

function presentSecret(row: SecretRow) {
  return { name: row.name, version: row.version, updatedAt: row.updated_at, updatedBy: row.updated_by }
}
