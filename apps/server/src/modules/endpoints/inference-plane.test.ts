import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readConfig } from '@kiban/kit/config'
import type { Config } from '@kiban/kit/config'
import { silentLogger } from '@kiban/kit/log'
import { freePort } from '@kiban/testkit/app'
import { InferencePlane } from './inference-plane.ts'

let config: Config
beforeEach(async () => {
  const home = mkdtempSync(join(tmpdir(), 'kiban-home-'))
  const [grpc, inference] = await Promise.all([freePort(), freePort()])
  config = readConfig(
    { KIBAN_HOME: home, KIBAN_GRPC_PORT: String(grpc), KIBAN_INFERENCE_PORT: String(inference) },
    home,
  )
})
afterEach(async () => {
  await new InferencePlane(config).stop()
  rmSync(config.home, { recursive: true, force: true })
})

test('a data plane that runs is found again by the next server, not started twice', async () => {
  const first = await new InferencePlane(config).ensure(silentLogger)
  const second = await new InferencePlane(config).ensure(silentLogger)
  expect(first?.pid).toBeGreaterThan(0)
  expect(second).toMatchObject({ pid: first?.pid, boot: first?.boot })
})

test('is started once, however many ask at once', async () => {
  const plane = new InferencePlane(config)
  const found = await Promise.all([plane.ensure(silentLogger), plane.ensure(silentLogger), plane.ensure(silentLogger)])
  expect(new Set(found.map((each) => each?.pid)).size).toBe(1)
})

test('is not started over and over while it cannot start', async () => {
  const taken = await new InferencePlane(config).ensure(silentLogger)
  // Another home, the same ports: it ends at once.
  const home = mkdtempSync(join(tmpdir(), 'kiban-home-'))
  const other = new InferencePlane({ ...config, home })
  const startedAt = Date.now()
  expect(await other.ensure(silentLogger)).toBeUndefined()
  expect(Date.now() - startedAt).toBeLessThan(15_000)
  const again = Date.now()
  expect(await other.ensure(silentLogger)).toBeUndefined()
  expect(Date.now() - again).toBeLessThan(500)
  expect(taken?.pid).toBeGreaterThan(0)
  rmSync(home, { recursive: true, force: true })
})

test('ends in order when asked', async () => {
  const plane = new InferencePlane(config)
  const { pid } = (await plane.ensure(silentLogger)) ?? { pid: 0 }
  await plane.stop()
  expect(() => process.kill(pid, 0)).toThrow()
  expect(await plane.ensure(silentLogger)).toBeUndefined()
})
