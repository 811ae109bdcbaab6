import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { unseal } from './envelope.ts'
import { masterKey } from './master-key.ts'
import { findSecret } from './secrets.store.ts'

/** The values of the named secrets, for a job about to start. Throws `secret_not_found` naming the first that is missing. */
export async function openSecrets(
  ctx: Ctx,
  project: string,
  names: readonly string[],
): Promise<Record<string, string>> {
  const values: Record<string, string> = {}
  for (const name of names) {
    const row = await findSecret(ctx, project, name)
    if (!row)
      throw new AppError('secret_not_found', {
        message: `There is no secret ${name} in ${project}. Set it with: kiban secret set ${name}`,
      })
    values[name] = unseal(masterKey(ctx.platform.home), `${row.id}:${row.version}`, {
      wrappedKey: row.wrapped_key,
      ciphertext: row.ciphertext,
    })
  }
  return values
}
