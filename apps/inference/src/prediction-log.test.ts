import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { linearModel } from '@kiban/testkit/onnx-model'
import type { RotateResult } from '@kiban/contract/inference-control'
import { startInferenceProcess } from '@kiban/testkit/inference-process'

test('every acknowledged prediction is in the log exactly once after a kill -9, and the next process serves at once without a server', async () => {
  const plane = await startInferenceProcess()
  await plane.push({ v1: plane.addModel('one', linearModel([1], 0)) }, [
    { name: 'sum', variants: [{ name: 'running', versionId: 'v1', weight: 1 }] },
  ])
  const acknowledged: string[] = []
  const body = { inputs: [{ name: 'x', shape: [2, 1], datatype: 'FP32', data: [1, 2] }] }
  const callers = Array.from({ length: 16 }, async () => {
    for (;;) {
      try {
        const answer = await plane.post('/v2/models/sum/infer', body)
        acknowledged.push((answer.body['parameters'] as { prediction_id: string }).prediction_id)
        if (acknowledged.length === 400) plane.child.kill('SIGKILL')
      } catch {
        return // the process is gone
      }
    }
  })
  await Promise.all(callers)
  expect(acknowledged.length).toBeGreaterThanOrEqual(400)
  const ids = plane.logged().map((row) => row.id)
  expect(new Set(ids).size).toBe(ids.length)
  const logged = new Set(ids)
  expect(acknowledged.filter((id) => !logged.has(`${id}-0`) || !logged.has(`${id}-1`))).toEqual([])

  const next = await plane.restart()
  const answer = await next.post('/v2/models/sum/infer', body)
  expect(answer.status).toBe(200)
  const { closed } = await next.control<RotateResult>('POST', '/rotate', { endpointId: null })
  expect(closed.length).toBeGreaterThanOrEqual(2)
  expect(closed.every(({ path }) => path.endsWith('.ndjson'))).toBe(true)
  expect(next.logged().length).toBe(ids.length + 2)
  await next.stop()
})

test('a second data plane of the same home is refused and touches nothing', async () => {
  const plane = await startInferenceProcess()
  await expect(plane.restart()).rejects.toThrow(/Another data plane already serves/)
  expect((await fetch(`${plane.url}/v2/health/live`)).status).toBe(200)
  await plane.stop()
})

test('a prediction that cannot be logged is not given out, and the process lives on', async () => {
  const plane = await startInferenceProcess()
  const model = plane.addModel('one', linearModel([1], 0))
  writeFileSync(join(plane.home, 'predictions', 'open', 'ep_sum'), 'a file where the folder should be')
  await plane.push({ v1: model }, [
    { name: 'sum', shadow: ['v1'], variants: [{ name: 'running', versionId: 'v1', weight: 1 }] },
    { name: 'other', variants: [{ name: 'running', versionId: 'v1', weight: 1 }] },
  ])
  const body = { inputs: [{ name: 'x', shape: [1, 1], datatype: 'FP32', data: [1] }] }
  const refused = await plane.post('/v2/models/sum/infer', body)
  expect(refused).toMatchObject({
    status: 503,
    body: { error: expect.stringMatching(/prediction log cannot be written/) },
  })
  expect((await plane.post('/v2/models/other/infer', body)).status).toBe(200)
  await plane.stop()
})
