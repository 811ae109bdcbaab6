import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LineageGraph, NodeKind, Relation } from '@kiban/contract/lineage'
import { startTestApp } from '@kiban/testkit/app'
import type { TestApp } from '@kiban/testkit/app'
import { testDatabases } from '@kiban/testkit/database'
import { audit } from '../audit/index.ts'
import { projects } from '../projects/index.ts'
import { lineageModule, recordEdges } from './index.ts'
import type { LineageEnd, LineageSource } from './index.ts'

const end = (text: string): LineageEnd => {
  const [kind = '', id = ''] = text.split(':')
  return { kind: kind as NodeKind, id } // the tests name kinds of the contract
}
const edge = (from: string, relation: Relation, to: string) => ({ from: end(from), relation, to: end(to) })

/** The life of one model, as the modules record it. */
const LIFE = [
  edge('person:ito', 'authored', 'dataset_version:d1'),
  edge('person:ito', 'triggered', 'pipeline_run:p1'),
  edge('pipeline_run:p1', 'generated', 'step_run:prepare'),
  edge('pipeline_run:p1', 'generated', 'step_run:train'),
  edge('step_run:prepare', 'used', 'dataset_version:d1'),
  edge('step_run:train', 'used', 'step_run:prepare'),
  edge('step_run:train', 'used', 'environment:e1'),
  edge('step_run:train', 'used', 'code:c1'),
  edge('step_run:train', 'generated', 'run:r1'),
  edge('run:r1', 'registered_as', 'model_version:m1'),
  edge('model_version:m1', 'deployed_as', 'deployment:dep1'),
  edge('deployment:dep1', 'deployed_as', 'endpoint:ep'),
  edge('monitor_window:w1', 'reads', 'endpoint:ep'),
  edge('monitor_window:w1', 'triggered', 'loop_run:l1'),
  edge('loop_run:l1', 'triggered', 'pipeline_run:p2'),
]

/** Everything belongs to project `p`, but for what is named `foreign`. */
const SOURCE: LineageSource = {
  kinds: [
    'dataset_version',
    'pipeline_run',
    'step_run',
    'environment',
    'run',
    'model_version',
    'deployment',
    'endpoint',
    'monitor_window',
    'loop_run',
    'prediction',
  ],
  describe: async (_ctx, _project, kind, ids) =>
    new Map(
      ids
        .filter((id) => id !== 'gone')
        .map((id) => [
          id,
          {
            label: `${kind} ${id}`,
            project: id.startsWith('foreign') ? 'q' : 'p',
            ...(kind === 'prediction' ? { origin: [end('deployment:dep1')] } : {}),
          },
        ]),
    ),
}

describe.each(testDatabases())('lineage on $name', (database) => {
  let app: TestApp
  let drop: () => Promise<void>
  beforeAll(async () => {
    const fresh = await database.fresh()
    drop = fresh.drop
    app = await startTestApp({ modules: [projects, audit, lineageModule([SOURCE])], databaseUrl: fresh.url })
    await fetch(`${app.url}/api/v1/projects`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'p' }),
    })
    await recordEdges(app.ctx, LIFE)
    await recordEdges(app.ctx, LIFE) // at least once is once
  })
  afterAll(async () => {
    await app.close()
    await drop()
  })

  async function trace(
    node: string,
    query = '',
  ): Promise<{ status: number; graph: LineageGraph; up: string[]; down: string[] }> {
    const { kind, id } = end(node)
    const response = await fetch(`${app.url}/api/v1/projects/p/lineage?kind=${kind}&id=${id}${query}`)
    const graph = (await response.json()) as LineageGraph
    const named = (sign: number) =>
      (graph.nodes ?? [])
        .filter((found) => Math.sign(found.distance) === sign)
        .map((found) => `${found.kind}:${found.id}`)
        .sort()
    return { status: response.status, graph, up: named(-1), down: named(1) }
  }

  test('a prediction leads back to data, code, environment, run and person', async () => {
    const { up, graph } = await trace('prediction:x1')
    expect(up).toEqual([
      'code:c1',
      'dataset_version:d1',
      'deployment:dep1',
      'environment:e1',
      'model_version:m1',
      'person:ito',
      'pipeline_run:p1',
      'run:r1',
      'step_run:prepare',
      'step_run:train',
    ])
    expect(graph.nodes[0]).toEqual({ kind: 'prediction', id: 'x1', label: 'prediction x1', distance: 0 })
    expect(graph.truncated).toBe(false)
  })

  test('a dataset version leads forward to the endpoint, its monitor, the loop and the training it caused', async () => {
    const { up, down } = await trace('dataset_version:d1')
    expect(up).toEqual(['person:ito'])
    expect(down).toEqual([
      'deployment:dep1',
      'endpoint:ep',
      'loop_run:l1',
      'model_version:m1',
      'monitor_window:w1',
      'pipeline_run:p2',
      'run:r1',
      'step_run:prepare',
      'step_run:train',
    ])
  })

  test('the walk keeps to its direction: a sibling that used the same data is not upstream', async () => {
    await recordEdges(app.ctx, [edge('step_run:other', 'used', 'dataset_version:d1')])
    expect((await trace('model_version:m1')).up).not.toContain('step_run:other')
    expect((await trace('dataset_version:d1')).down).toContain('step_run:other')
  })

  test('depth limits each direction', async () => {
    const { up, down } = await trace('model_version:m1', '&upstream=1&downstream=1')
    expect([up, down]).toEqual([['run:r1'], ['deployment:dep1']])
  })

  test('what belongs to another project is left out, and what leads only through it', async () => {
    await recordEdges(app.ctx, [
      edge('step_run:train', 'used', 'dataset_version:foreign'),
      edge('person:eve', 'authored', 'dataset_version:foreign'),
    ])
    const { up } = await trace('model_version:m1')
    expect(up).not.toContain('dataset_version:foreign')
    expect(up).not.toContain('person:eve')
    expect((await trace('dataset_version:foreign')).status).toBe(404)
  })

  test('an unknown node and an unknown kind are named', async () => {
    const gone = await fetch(`${app.url}/api/v1/projects/p/lineage?kind=run&id=gone`)
    expect([gone.status, ((await gone.json()) as { error: { code: string } }).error.code]).toEqual([
      404,
      'lineage_node_not_found',
    ])
    expect((await fetch(`${app.url}/api/v1/projects/p/lineage?kind=rum&id=x`)).status).toBe(400)
  })

  test('a node with very many neighbours gives a part, and says so', async () => {
    await recordEdges(
      app.ctx,
      Array.from({ length: 600 }, (_, i) => edge(`step_run:many${i}`, 'used', 'dataset_version:wide')),
    )
    const { graph } = await trace('dataset_version:wide')
    expect(graph.nodes.length).toBeLessThanOrEqual(400)
    expect(graph.truncated).toBe(true)
    const ids = new Set(graph.nodes.map((node) => `${node.kind}:${node.id}`))
    expect(graph.edges.every((found) => ids.has(found.from) && ids.has(found.to))).toBe(true)
  })
})
