import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startTestApp } from '@kiban/testkit/app'
import { audit } from '../audit/index.ts'
import { projects } from '../projects/index.ts'
import { seal, unseal } from './envelope.ts'
import { openSecrets } from './open-secrets.ts'
import { secrets } from './secrets.module.ts'

test('a sealed value opens with its key and context only', () => {
  const key = randomBytes(32)
  const envelope = seal(key, 'sec_1:1', 'パスワード')
  expect(unseal(key, 'sec_1:1', envelope)).toBe('パスワード')
  expect(() => unseal(key, 'sec_1:2', envelope)).toThrow()
  expect(() => unseal(randomBytes(32), 'sec_1:1', envelope)).toThrow()
  expect(JSON.stringify(envelope)).not.toContain('パスワード')
})

test('a secret is set, listed by name only, opened for a job, stored as ciphertext, deleted', async () => {
  const app = await startTestApp({ modules: [projects, audit, secrets] })
  const send = (method: string, path: string, body?: object) =>
    fetch(`${app.url}/api/v1${path}`, {
      method,
      ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
    })
  await send('POST', '/projects', { name: 'p' })
  expect((await send('PUT', '/projects/p/secrets/DB_PASSWORD', { value: 'short' })).status).toBe(400)
  expect((await send('PUT', '/projects/nope/secrets/DB_PASSWORD', { value: 'long enough' })).status).toBe(404)
  expect((await send('PUT', '/projects/p/secrets/DB_PASSWORD', { value: 'correct horse' })).status).toBe(200)
  expect((await send('PUT', '/projects/p/secrets/DB_PASSWORD', { value: 'battery staple' })).status).toBe(200)
  expect(await (await send('GET', '/projects/p/secrets')).json()).toMatchObject({
    secrets: [{ name: 'DB_PASSWORD', version: 2 }],
  })
  expect(await openSecrets(app.ctx, 'p', ['DB_PASSWORD'])).toEqual({ DB_PASSWORD: 'battery staple' })
  await expect(openSecrets(app.ctx, 'p', ['OTHER'])).rejects.toMatchObject({ code: 'secret_not_found' })
  expect(readFileSync(join(app.home, 'kiban.db-wal')).includes('battery staple')).toBe(false)
  expect(statSync(join(app.home, 'secrets', 'master.key')).mode & 0o777).toBe(0o600)
  const events = await app.ctx.db.selectFrom('audit_details').selectAll().execute()
  expect(JSON.stringify(events)).not.toContain('battery staple')
  expect((await send('DELETE', '/projects/p/secrets/DB_PASSWORD')).status).toBe(200)
  expect((await send('DELETE', '/projects/p/secrets/DB_PASSWORD')).status).toBe(404)
  await app.close()
})
