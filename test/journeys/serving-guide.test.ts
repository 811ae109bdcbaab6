import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '@kiban/client'
import { freePort } from '@kiban/testkit/app'
import { linearModel } from '@kiban/testkit/onnx-model'

// The page docs/guide/serving.md, from top to bottom: files are written as it shows them, commands are typed as it shows them; only the
// ports are others.

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
  const client = createClient({ url })
  const deadline = Date.now() + 60_000
  while (
    !(await client.listProjects().then(
      () => true,
      () => false,
    ))
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

test('the guide to serving does what it says', async () => {
  const page = readFileSync(join(ROOT, 'docs/guide/serving.md'), 'utf8')
  const folder = join(home, 'shop')
  mkdirSync(folder)
  writeFileSync(join(folder, 'v1.onnx'), linearModel([2], 1))
  writeFileSync(join(folder, 'v2.onnx'), linearModel([4], 2))
  const printed: string[] = []
  for (const block of page.matchAll(/^```(?<kind>\w+)(?: title="(?<title>[^"]+)")?\n(?<text>[\s\S]*?)^```$/gm)) {
    const { kind, title, text = '' } = block.groups ?? {}
    if (title !== undefined) writeFileSync(join(folder, title), text)
    else if (kind === 'sh') {
      const here = text
        .replaceAll('127.0.0.1:7300', `127.0.0.1:${env['KIBAN_PORT']}`)
        .replaceAll('127.0.0.1:7302', `127.0.0.1:${env['KIBAN_INFERENCE_PORT']}`)
      printed.push(
        (
          await execute('bash', ['-euo', 'pipefail', '-c', here], {
            cwd: folder,
            env: { ...process.env, ...env },
            timeout: 120_000,
          })
        ).stdout,
      )
    } else throw new Error(`a block of ${kind} is neither a file nor commands`)
  }
  expect(printed).toHaveLength(6)
  expect(printed[0]).toMatch(/\+ endpoint price/)
  expect(JSON.parse(printed[2] ?? '')).toMatchObject({
    model_version: '1',
    predictions: [{ id: expect.stringMatching(/^pred_\w+-0$/), y: 7 }],
  })
  expect(JSON.parse(printed[3] ?? '')).toMatchObject({
    parameters: { prediction_id: expect.stringMatching(/^pred_/) },
    outputs: [{ name: 'y', data: [7, 9] }],
  })
  const client = createClient({ url })
  await expect
    .poll(
      async () =>
        (await client.listRollouts({ project: 'shop', endpoint: 'price' })).items.map(
          (rollout) => `${rollout.state} ${rollout.to.number}`,
        ),
      { timeout: 30_000 },
    )
    .toEqual(['done 1', 'done 2', 'done 1'])
  const endpoint = await client.getEndpoint({ project: 'shop', endpoint: 'price' })
  expect(endpoint.traffic.find((each) => each.role === 'running')?.version.number).toBe(1)
  const logged = await client.listPredictions({ project: 'shop', endpoint: 'price', limit: 1000 })
  expect(logged.items.length).toBeGreaterThanOrEqual(43)
  expect(logged.items.length % 25).toBe(3)
  expect(logged.items.find((each) => each.key === 'o-1')?.eventTime).toBe(Date.UTC(2026, 0, 3, 10))
})
