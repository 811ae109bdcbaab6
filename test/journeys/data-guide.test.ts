import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '@kiban/client'
import { freePort } from '@kiban/testkit/app'

// The page docs/guide/data.md, from top to bottom: files are written as it shows them, commands are typed as it shows them.

const ROOT = join(import.meta.dirname, '../..')
const execute = promisify(execFile)

let home: string
let server: ChildProcess
let url: string
let env: Record<string, string>

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'kiban-guide-'))
  const [http, grpc, inference] = await Promise.all([freePort(), freePort(), freePort()])
  url = `http://127.0.0.1:${http}`
  const bin = join(home, 'bin')
  mkdirSync(bin)
  writeFileSync(
    join(bin, 'kiban'),
    `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, 'apps/cli/src/main.ts')}" "$@"\n`,
  )
  chmodSync(join(bin, 'kiban'), 0o755)
  env = {
    KIBAN_HOME: join(home, 'kiban'),
    KIBAN_URL: url,
    KIBAN_PORT: String(http),
    KIBAN_GRPC_PORT: String(grpc),
    KIBAN_INFERENCE_PORT: String(inference),
    KIBAN_LOG_LEVEL: 'error',
    PATH: `${bin}:${process.env['PATH']}`,
  }
  server = spawn(process.execPath, [join(ROOT, 'apps/server/src/main.ts')], {
    env: { ...process.env, ...env },
    stdio: 'ignore',
  })
  const deadline = Date.now() + 60_000
  while (
    !(await fetch(`${url}/api/v1/projects`)
      .then((response) => response.ok)
      .catch(() => false))
  ) {
    if (Date.now() > deadline || server.exitCode !== null)
      throw new Error(`the server did not start (exit status ${server.exitCode})`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
})

afterAll(async () => {
  const ended = new Promise((resolve) => server.once('exit', resolve))
  server.kill('SIGTERM')
  await ended
  rmSync(home, { recursive: true, force: true })
})

test('the guide to data does what it says', async () => {
  const page = readFileSync(join(ROOT, 'docs/guide/data.md'), 'utf8')
  const folder = join(home, 'shop')
  mkdirSync(folder)
  const printed: string[] = []
  for (const block of page.matchAll(/^```(?<kind>\w+)(?: title="(?<title>[^"]+)")?\n(?<text>[\s\S]*?)^```$/gm)) {
    const { kind, title, text = '' } = block.groups ?? {}
    if (title !== undefined) writeFileSync(join(folder, title), text)
    else if (kind === 'sh')
      printed.push(
        (await execute('bash', ['-euo', 'pipefail', '-c', text], { cwd: folder, env: { ...process.env, ...env } }))
          .stdout,
      )
    else throw new Error(`a block of ${kind} is neither a file nor commands`)
  }
  expect(printed).toHaveLength(4)
  expect(printed[0]).toMatch(/\+ dataset orders[\s\S]*orders 1: usable[\s\S]*January/)
  expect(printed[1]).toMatch(/price .*DECIMAL|price .*DOUBLE/)
  expect(printed[2]).toMatch(/quarantined/)
  expect(printed[2]).toMatch(/broken +error +1 +rows +price_possible +values_nulled/)
  expect(printed[2]).toMatch(/warns +warn +1 +days +orders_of_day/)
  expect(printed[3]).toMatch(/^exit status 1$/m)
  expect(printed[3]).toMatch(/blocked.*shop_known \(one of our shops\): 1 row, first id=6 shop=west/)
  const client = createClient({ url })
  const orders = await client.getDataset({ project: 'shop', dataset: 'orders' })
  expect([orders.latest?.number, orders.newestUsable?.number]).toEqual([3, 2])
  const used = await client.previewDatasetVersion({ project: 'shop', dataset: 'orders', version: 'usable' })
  expect(used.total).toBe(5)
  expect(used.rows.find((row) => row[0] === 5)?.[2]).toBeNull()
  const aside = await client.previewDatasetVersion({
    project: 'shop',
    dataset: 'orders',
    version: 'usable',
    view: 'quarantine',
  })
  expect(aside.rows).toEqual([[5, 'south', 900_000, '2026-01-06', ['price_possible']]])
})
