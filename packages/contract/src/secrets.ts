import { z } from 'zod'
import { defineEndpoint } from './endpoint.ts'
import { Instant, ProjectParams } from './primitives.ts'

export const SecretName = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]{0,62}$/, 'a secret is named like an environment variable: capitals, digits and _')
const SecretParams = ProjectParams.extend({ name: SecretName })

export const Secret = z.object({
  name: SecretName,
  version: z.number().int(),
  updatedAt: Instant,
  updatedBy: z.string(),
})
export type Secret = z.infer<typeof Secret>

export const listSecrets = defineEndpoint({
  name: 'listSecrets',
  method: 'GET',
  path: '/projects/:project/secrets',
  summary: 'The names of the secrets; values can never be read back',
  action: 'secret.use',
  params: ProjectParams,
  response: z.object({ secrets: z.array(Secret) }),
  errors: ['project_not_found'],
})

export const setSecret = defineEndpoint({
  name: 'setSecret',
  method: 'PUT',
  path: '/projects/:project/secrets/:name',
  summary: 'Sets a secret (write-only)',
  action: 'secret.write',
  audit: 'each',
  params: SecretParams,
  body: z.strictObject({
    value: z.string().min(8, 'a secret has at least 8 characters, so that it can be masked in logs').max(65_536),
  }),
  response: Secret,
  errors: ['project_not_found'],
})

export const deleteSecret = defineEndpoint({
  name: 'deleteSecret',
  method: 'DELETE',
  path: '/projects/:project/secrets/:name',
  summary: 'Deletes a secret and all its versions',
  action: 'secret.write',
  audit: 'each',
  params: SecretParams,
  response: z.object({}),
  errors: ['project_not_found', 'secret_not_found'],
})
