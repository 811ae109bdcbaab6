import { afterAll, beforeAll, expect, test } from 'vitest'
import { putManifest } from '@kiban/kit/manifests'
import { startTestApp } from '@kiban/testkit/app'
import type { TestApp } from '@kiban/testkit/app'
import { audit } from '../audit/index.ts'
import { projects } from '../projects/index.ts'
import { datasets } from './index.ts'
import { validateStep } from './validate-step.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp({ modules: [projects, audit, datasets] })
})
afterAll(() => app.close())

async function validate(contract: string) {
  const { blobs } = app.ctx.platform
  const tree = await putManifest(blobs, [
    { path: 'flights.csv', ...(await blobs.put(Buffer.from('year,origin,late\n2013,JFK,1\n2013,XXX,0\n'))) },
  ])
  const code = await putManifest(blobs, [{ path: 'c.odcs.yaml', ...(await blobs.put(Buffer.from(contract))) }])
  return validateStep.advance(app.ctx, {
    id: 'st_1',
    project: 'p',
    pipelineRunId: 'pr_1',
    inputs: { dataset: { tree, uri: 'datasets:/flights' }, contract: { value: 'c.odcs.yaml' } },
    state: null,
    code,
    environmentId: null,
  })
}

const HEAD =
  'apiVersion: v3.1.0\nkind: DataContract\nid: c\nversion: 1.0.0\nstatus: active\nschema:\n  - name: flights\n    properties:\n'

test('data that breaks its contract fails the step, with rule and row', async () => {
  const ended = await validate(
    `${HEAD}      - { name: year }\n      - { name: origin, quality: [{ id: known, metric: invalidValues, mustBe: 0, arguments: { validValues: [JFK, LGA] } }] }\n`,
  )
  expect(ended).toMatchObject({
    status: 'failed',
    cause: 'user_error',
    message: expect.stringMatching(/known .*1 row, first origin=XXX/),
  })
})

test('data that holds gives a report of every rule; a warning does not fail', async () => {
  const ended = await validate(
    `${HEAD}      - { name: year, required: true }\n      - { name: origin, quality: [{ id: known, severity: warn, metric: invalidValues, mustBe: 0, arguments: { validValues: [JFK, LGA] } }] }\n`,
  )
  expect(ended).toMatchObject({
    status: 'succeeded',
    outputs: {
      report: {
        value: [
          { rule: 'columns', holds: true },
          { rule: 'year.required', holds: true },
          { rule: 'known', holds: false, violations: 1 },
        ],
      },
    },
  })
})

test('a contract that is not in the project is named', async () => {
  const ended = await validateStep.advance(app.ctx, {
    id: 'st_2',
    project: 'p',
    pipelineRunId: 'pr_1',
    inputs: { dataset: { tree: await putManifest(app.ctx.platform.blobs, []) }, contract: { value: 'nope.yaml' } },
    state: null,
    code: await putManifest(app.ctx.platform.blobs, []),
    environmentId: null,
  })
  expect(ended).toMatchObject({ status: 'failed', message: expect.stringContaining('nope.yaml') })
})
