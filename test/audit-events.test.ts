import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serverModules } from '../apps/server/src/modules.ts'
import { startAttackedServer } from './attacks/attacked-server.ts'
import type { AttackedServer } from './attacks/attacked-server.ts'

// access.md §4.3: a change that was made leaves exactly one event; a request that was refused, or that only asks, leaves none.

let server: AttackedServer
beforeAll(async () => {
  server = await startAttackedServer()
})
afterAll(async () => server.close())

const eventCount = async () =>
  Number((await sql<{ n: number }>`select count(*) as n from audit_events`.execute(server.app.ctx.db)).rows[0]?.n ?? -1)

/** What these tests read of an answer. */
type Answer = { readonly id: string; readonly run: { readonly info: { readonly run_id: string } } }
type Step = { readonly call: string; readonly body?: object | Buffer; readonly keep?: (answer: Answer) => void }

test('each change leaves exactly one audit event, of the actor and the action', async () => {
  const csv = Buffer.from('a,b\n1,2\n')
  const hash = createHash('sha256').update(csv).digest('hex')
  const kept: Record<string, string> = {}
  const P = '/api/v1/projects/audited'
  const M = '/api/2.0/mlflow'
  const steps: (() => Step)[] = [
    () => ({ call: 'POST /api/v1/projects', body: { name: 'audited' } }),
    () => ({ call: `PUT ${P}/clock`, body: { mode: 'replay', now: 1_356_998_400_000 } }),
    () => ({ call: `PUT ${P}/secrets/TOKEN`, body: { value: 'a long secret' } }),
    () => ({ call: `DELETE ${P}/secrets/TOKEN` }),
    () => ({
      call: `POST ${P}/experiments`,
      body: { name: 'first' },
      keep: (answer) => (kept['experiment'] = answer.id),
    }),
    () => ({ call: `PATCH ${P}/experiments/${kept['experiment']}`, body: { name: 'second' } }),
    () => ({ call: `DELETE ${P}/experiments/${kept['experiment']}` }),
    () => ({ call: `POST ${P}/experiments/${kept['experiment']}/restore`, body: {} }),
    () => ({
      call: `POST ${M}/runs/create`,
      body: { experiment_id: kept['experiment'] },
      keep: (answer) => (kept['run'] = answer.run.info.run_id),
    }),
    () => ({ call: `PATCH ${P}/runs/${kept['run']}`, body: { name: 'renamed' } }),
    () => ({ call: `DELETE ${P}/runs/${kept['run']}` }),
    () => ({ call: `POST ${P}/runs/${kept['run']}/restore`, body: {} }),
    () => ({ call: `POST ${M}/runs/update`, body: { run_id: kept['run'], status: 'FINISHED' } }),
    () => ({ call: `POST ${M}/registered-models/create`, body: { name: 'm' } }),
    () => ({ call: `PATCH ${P}/models/m`, body: { description: 'a model' } }),
    () => ({ call: `POST ${M}/registered-models/set-tag`, body: { name: 'm', key: 'k', value: 'v' } }),
    () => ({ call: `DELETE ${M}/registered-models/delete-tag`, body: { name: 'm', key: 'k' } }),
    () => ({
      call: `POST ${P}/apply`,
      body: { text: 'project: audited\ndatasets: { table: {} }\n', files: [] },
    }),
  ]
  for (const next of steps) await step(next(), 1)
  const blob = await server.send(`${P}/blobs/${hash}`, { method: 'PUT', body: csv })
  expect(blob.status, blob.body).toBeLessThan(300)
  await step(
    {
      call: `POST ${P}/datasets/table/versions`,
      body: { files: [{ path: 'a.csv', hash, sizeBytes: csv.length }], message: 'first' },
    },
    1,
  )
  await step({ call: `PUT ${P}/datasets/table/tags/golden`, body: { version: 1 } }, 1)
  await step({ call: `DELETE ${P}/datasets/table/tags/golden` }, 1)
  await step({ call: `DELETE ${M}/registered-models/delete`, body: { name: 'm' } }, 1)

  await step({ call: `POST ${P}/runs/search`, body: {} }, 0)
  await step({ call: `GET ${P}` }, 0)
  await step({ call: `POST ${P}/plan`, body: { text: 'project: audited\n', files: [] } }, 0)
  const before = await eventCount()
  for (const [call, body] of [
    ['POST /api/v1/projects', { name: 'audited' }],
    [`POST ${P}/apply`, { text: 'project: audited\nno_such_key: 1\n', files: [] }],
    [`PUT ${P}/datasets/none/tags/golden`, { version: 1 }],
  ] as const)
    expect((await send(call, body)).status, call).toBeGreaterThanOrEqual(400)
  expect(await eventCount()).toBe(before)
  const actors = await sql<{ actor: string }>`select distinct actor from audit_events`.execute(server.app.ctx.db)
  expect(actors.rows).toEqual([{ actor: 'usr_local' }])
})

test('every endpoint that changes something in one request declares an event each time or says why not', () => {
  const rules = serverModules()
    .flatMap((module) => module.routes ?? [])
    .filter(({ endpoint }) => endpoint.method !== 'GET' && endpoint.audit !== 'each')
    .map(
      ({ endpoint }) =>
        `${endpoint.name}: ${typeof endpoint.audit === 'object' ? endpoint.audit.none : endpoint.audit}`,
    )
  expect(rules.toSorted()).toMatchInlineSnapshot(`
    [
      "acknowledgeNotification: a mark of having read, of no effect on anything",
      "getRunCells: reads only",
      "listMissingBlobs: asks, changes nothing",
      "planProject: changes nothing",
      "putBlob: bytes are not part of anything until a commit names them, and the commit is audited",
      "searchRuns: reads only",
      "setProjectClock: rolled",
    ]
  `)
})

async function step(step: Step, events: number): Promise<void> {
  const before = await eventCount()
  const answer = await send(step.call, step.body)
  expect(answer.status, `${step.call} ${answer.body}`).toBeLessThan(300)
  expect((await eventCount()) - before, step.call).toBe(events)
  step.keep?.(JSON.parse(answer.body))
}

function send(call: string, body?: object | Buffer) {
  const [method = '', path = ''] = call.split(' ')
  return server.send(path, { method, headers: { 'x-mlflow-workspace': 'audited' }, ...(body ? { body } : {}) })
}
