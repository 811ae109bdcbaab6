import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PredictionRecord } from '@kiban/contract/inference-control'
import { inTransaction } from '@kiban/kit/context'
import { startTestApp } from '@kiban/testkit/app'
import type { TestApp } from '@kiban/testkit/app'
import { audit } from '../audit/index.ts'
import { queryRows } from '../datasets/index.ts'
import { lineageModule } from '../lineage/index.ts'
import { projects } from '../projects/index.ts'
import { compactPredictions } from './compact-predictions.ts'
import { insertEndpoint } from './endpoints.store.ts'
import { endpointsModule, predictionFiles } from './index.ts'
import { planeOf } from './inference-plane.ts'
import { insertSegment, listSegments } from './predictions.store.ts'

let app: TestApp
const noRegistry = {
  resolveModel: () => Promise.reject(new Error('no model is asked for here')),
  setAlias: () => Promise.reject(new Error('no alias moves here')),
  markRolledBack: () => Promise.reject(new Error('nothing is rolled back here')),
}

beforeAll(async () => {
  app = await startTestApp({ modules: [projects, audit, lineageModule([]), endpointsModule(noRegistry)] })
  await planeOf(app.ctx.platform).ensure(app.ctx.log)
})
afterAll(() => app.close())

let sequence = 0
function record(features: PredictionRecord['features'], over: Partial<PredictionRecord> = {}): PredictionRecord {
  const n = sequence++
  return {
    id: `pred_${String(n).padStart(22, '0')}-0`,
    received_at: 1_000_000 + n,
    event_time: 2_000_000 + n,
    key: `k${n}`,
    endpoint: 'ep',
    version: 'mv_1',
    variant: 'running',
    status: 'ok',
    latency_ms: 1.5,
    prediction: 0.25,
    output: { y: 0.25 },
    features,
    ...over,
  }
}

async function newEndpoint(id: string): Promise<void> {
  const row = {
    id,
    project: 'p',
    name: id,
    description: null,
    archived_at: null,
    spec: '{}',
    reason: null,
    running_version_id: null,
    refused_version_id: null,
    example: null,
    created_at: 0,
    created_by: 'u',
    updated_at: 0,
  }
  await inTransaction(app.ctx, (ctx) => insertEndpoint(ctx, row))
}

function writeLog(endpointId: string, name: string, records: readonly PredictionRecord[], torn = ''): string {
  const folder = join(app.home, 'predictions', 'open', endpointId)
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${name}.ndjson`)
  writeFileSync(path, records.map((each) => `${JSON.stringify(each)}\n`).join('') + torn)
  return path
}

async function rowsOf(endpointId: string, sql = 'SELECT *'): Promise<Record<string, unknown>[]> {
  const paths = await predictionFiles(app.ctx, endpointId, { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER })
  return paths.length === 0
    ? []
    : queryRows(
        `${sql} FROM read_parquet([${paths.map((path) => `'${path}'`).join(',')}], union_by_name=true) ORDER BY id`,
        [],
        { readable: paths },
      )
}

describe('compaction', () => {
  test('keeps every whole line with its features as columns and leaves out a torn one', async () => {
    await newEndpoint('ep_a')
    const path = writeLog(
      'ep_a',
      '000001',
      [record({ x: 1, carrier: 'UA', wind: null }), record({ x: 2.5, carrier: null, wind: 3 })],
      '{"id":"pred_torn',
    )
    expect(await compactPredictions(app.ctx, 'ep_a')).toEqual(['ep_a'])
    expect(existsSync(path)).toBe(false)
    const rows = await rowsOf('ep_a')
    expect(rows).toHaveLength(2)
    expect(rows[0]).toMatchObject({
      x: 1,
      carrier: 'UA',
      wind: null,
      key: 'k0',
      prediction: 0.25,
      status: 'ok',
      event_time: 2_000_000,
      output: '{"y":0.25}',
    })
    expect(rows[1]).toMatchObject({ x: 2.5, carrier: null, wind: 3 })
  })

  test('a log file that is in a segment already, because of a kill before its deletion, is not taken twice', async () => {
    await newEndpoint('ep_b')
    const records = [record({ x: 1 }), record({ x: 2 })]
    writeLog('ep_b', '000001', records)
    await compactPredictions(app.ctx, 'ep_b')
    const [segment] = await listSegments(app.ctx, 'ep_b')
    if (!segment) throw new Error('no segment')
    // As after a kill between the commit and the deletion: the file is there, and its name stands with the segment.
    const path = writeLog('ep_b', '000001', records)
    await inTransaction(app.ctx, (ctx) =>
      insertSegment(ctx, { ...segment, id: 'seg_other', endpoint_id: 'ep_none' }, { sources: ['ep_b/000001.ndjson'] }),
    )
    expect(await compactPredictions(app.ctx, 'ep_b')).toEqual([])
    expect(existsSync(path)).toBe(false)
    expect(await rowsOf('ep_b')).toHaveLength(2)
  })

  test('several at once do not take a file twice', async () => {
    await newEndpoint('ep_c')
    for (let i = 0; i < 5; i++) writeLog('ep_c', `00000${i}`, [record({ x: i })])
    await Promise.all([
      compactPredictions(app.ctx, null),
      compactPredictions(app.ctx, 'ep_c'),
      compactPredictions(app.ctx, null),
    ])
    expect(await rowsOf('ep_c')).toHaveLength(5)
    expect(readdirSync(join(app.home, 'predictions', 'open', 'ep_c'))).toEqual([])
  })

  test('a feature named like a column of the log, one that changes its type and lists keep their values', async () => {
    await newEndpoint('ep_d')
    writeLog('ep_d', '000001', [
      record({ version: 7, mixed: 1, list: [1, 2], 'odd "name\'s': true }),
      record({ version: 8, mixed: 'two', list: [3], 'odd "name\'s': false }),
    ])
    const rows = await rowsOf('ep_d')
    expect(rows[0]).toMatchObject({
      feature_version: 7,
      version: 'mv_1',
      mixed: '1',
      list: '[1,2]',
      'odd "name\'s': true,
    })
    expect(rows[1]).toMatchObject({ feature_version: 8, mixed: 'two' })
  })

  test('many small segments become one, with the same rows', async () => {
    await newEndpoint('ep_e')
    for (let i = 0; i < 25; i++) {
      writeLog('ep_e', String(i).padStart(6, '0'), [record({ x: i, ...(i > 20 ? { late: i } : {}) })])
      await compactPredictions(app.ctx, 'ep_e')
    }
    writeLog('ep_e', '999999', [record({ x: 99 })])
    await app.runLoop('predictions')
    expect(await listSegments(app.ctx, 'ep_e')).toHaveLength(1)
    const rows = await rowsOf('ep_e')
    expect(rows.map((row) => row['x'])).toEqual([...Array.from({ length: 25 }, (_, i) => i), 99])
    expect(rows.filter((row) => row['late'] !== null)).toHaveLength(4)
  })

  test('only segments whose event times meet the range are named', async () => {
    await newEndpoint('ep_f')
    writeLog('ep_f', '000001', [record({ x: 1 }, { event_time: 100 })])
    await compactPredictions(app.ctx, 'ep_f')
    writeLog('ep_f', '000002', [record({ x: 1 }, { event_time: 200 })])
    expect(await predictionFiles(app.ctx, 'ep_f', { fromMs: 0, toMs: 1000 })).toHaveLength(2)
    expect(await predictionFiles(app.ctx, 'ep_f', { fromMs: 150, toMs: 1000 })).toHaveLength(1)
    expect(await predictionFiles(app.ctx, 'ep_f', { fromMs: 0, toMs: 100 })).toHaveLength(0)
  })
})
