import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { preflight } from './preflight.ts'

let folder: string
let env: Record<string, string | undefined>

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kiban-preflight-'))
  // A home that has built an environment before: the registry is not asked.
  mkdirSync(join(folder, 'home', 'environments'), { recursive: true })
  env = {
    ...process.env,
    KIBAN_HOME: join(folder, 'home'),
    KIBAN_PORT: '47310',
    KIBAN_GRPC_PORT: '47311',
    KIBAN_INFERENCE_PORT: '47312',
  }
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const failed = async () => (await preflight(env)).filter((check) => !check.ok)

describe('preflight', () => {
  it('finds nothing missing on a machine that has everything', async () => {
    expect(await failed()).toEqual([])
  })

  it('names a taken port and the variable that changes it', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => holder.once('listening', resolve))
    const address = holder.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    env['KIBAN_GRPC_PORT'] = String(port)
    const missing = await failed()
    holder.close()
    expect(missing).toHaveLength(1)
    expect(missing[0]?.message).toMatch(new RegExp(`${port}.*KIBAN_GRPC_PORT`))
  })

  it('names a port that is none', async () => {
    env['KIBAN_PORT'] = 'seven'
    expect((await failed())[0]?.message).toContain('KIBAN_PORT must be a port')
  })

  it('says how to get Python when there is none', async () => {
    env['PATH'] = folder
    expect((await failed())[0]?.message).toMatch(/no Python.*apt-get install python3 python3-venv/)
  })

  it('says how to get venv when Python has none', async () => {
    const python = join(folder, 'python3')
    writeFileSync(python, '#!/bin/sh\necho "ModuleNotFoundError: No module named \'ensurepip\'" >&2\nexit 1\n')
    chmodSync(python, 0o755)
    env['PATH'] = `${folder}:/bin:/usr/bin`
    // python (without the 3) may be there and complete, so only this one is looked at.
    writeFileSync(join(folder, 'python'), '#!/bin/sh\nexit 1\n')
    chmodSync(join(folder, 'python'), 0o755)
    expect((await failed())[0]?.message).toMatch(/no venv module.*python3-venv/)
  })

  it('says when Python is too old', async () => {
    for (const name of ['python3', 'python']) {
      writeFileSync(join(folder, name), '#!/bin/sh\necho 3.9.2\n')
      chmodSync(join(folder, name), 0o755)
    }
    env['PATH'] = `${folder}:/bin:/usr/bin`
    expect((await failed())[0]?.message).toMatch(/3\.9\.2 is too old: 3\.10/)
  })
})
