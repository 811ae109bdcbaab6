import { Metadata, credentials } from '@grpc/grpc-js'
import type { Client, ServiceError } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { classifierModel, linearModel } from '@kiban/testkit/onnx-model'
import { startInferenceProcess } from '@kiban/testkit/inference-process'
import type { InferenceProcess } from '@kiban/testkit/inference-process'
import { inferenceService } from './grpc-server.ts'

let plane: InferenceProcess
let client: Client

beforeAll(async () => {
  plane = await startInferenceProcess()
  const sum = plane.addModel('sum', linearModel([1, 2], 0.5))
  const delay = plane.addModel(
    'delay',
    classifierModel({ categories: { carrier: ['AA', 'UA'] }, numbers: ['distance'], weights: [1, 0.01], bias: 0 }),
  )
  await plane.push({ v1: sum, v2: delay }, [
    { name: 'sum', variants: [{ name: 'running', versionId: 'v1', weight: 1 }] },
    { name: 'delay', project: 'flights', variants: [{ name: 'running', versionId: 'v2', weight: 1 }] },
  ])
  client = new (inferenceService())(plane.grpcAddress, credentials.createInsecure())
})
afterAll(async () => {
  client.close()
  await plane.stop()
})

function call(method: string, message: object, project?: string): Promise<Record<string, never>> {
  const metadata = new Metadata()
  if (project) metadata.set('x-kiban-project', project)
  return new Promise((resolve, reject) => {
    const invoke = (
      client as unknown as Record<
        string,
        (
          message: object,
          metadata: Metadata,
          done: (error: ServiceError | null, reply: Record<string, never>) => void,
        ) => void
      >
    )[method]
    invoke?.call(client, message, metadata, (error, reply) => (error ? reject(error) : resolve(reply)))
  })
}

describe('gRPC', () => {
  test('answers live, ready and metadata', async () => {
    expect(await call('ServerLive', {})).toEqual({ live: true })
    expect(await call('ServerReady', {})).toEqual({ ready: true })
    expect(await call('ModelReady', { name: 'sum', version: '1' })).toEqual({ ready: true })
    expect((await call('ModelReady', { name: 'none' }))['ready']).toBeFalsy()
    expect(await call('ServerMetadata', {})).toMatchObject({ name: 'kiban' })
    expect(await call('ModelMetadata', { name: 'sum' })).toMatchObject({
      name: 'sum',
      versions: ['1'],
      inputs: [{ name: 'x', datatype: 'FP32', shape: ['-1', '2'] }],
    })
  })

  test('infers typed contents and answers in kind', async () => {
    const reply = await call('ModelInfer', {
      model_name: 'sum',
      id: 'a',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [2, 2], contents: { fp32_contents: [1, 2, 3, 4] } }],
    })
    expect(reply).toMatchObject({
      model_name: 'sum',
      model_version: '1',
      id: 'a',
      outputs: [{ name: 'y', shape: ['2', '1'], contents: { fp32_contents: [5.5, 11.5] } }],
    })
    expect(reply['parameters']).toMatchObject({ prediction_id: { string_param: expect.stringMatching(/^pred_/) } })
  })

  test('infers raw contents and answers in kind', async () => {
    const reply = await call('ModelInfer', {
      model_name: 'sum',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2] }],
      raw_input_contents: [Buffer.from(Float32Array.from([1, 2]).buffer)],
    })
    expect([...new Float32Array(Uint8Array.from(reply['raw_output_contents']?.[0] ?? []).buffer)]).toEqual([5.5])
  })

  test('takes text and gives 64-bit integers, in another project', async () => {
    const inputs = [
      { name: 'carrier', datatype: 'BYTES', shape: [1, 1], contents: { bytes_contents: [Buffer.from('UA')] } },
      { name: 'distance', datatype: 'FP32', shape: [1, 1], contents: { fp32_contents: [Number.NaN] } },
    ]
    const reply = await call('ModelInfer', { model_name: 'delay', inputs, outputs: [{ name: 'label' }] }, 'flights')
    expect(reply['outputs']).toMatchObject([{ name: 'label', datatype: 'INT64', contents: { int64_contents: ['1'] } }])
  })

  test.each([
    [{ model_name: 'none' }, 5, /no endpoint "none"/],
    [{ model_name: 'sum' }, 3, /input "x" is missing/],
    [
      { model_name: 'sum', inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], contents: { fp32_contents: [1] } }] },
      3,
      /has 2 elements, but fp32_contents has 1/,
    ],
    [
      {
        model_name: 'sum',
        inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2] }],
        raw_input_contents: [Buffer.alloc(4)],
      },
      3,
      /is 8 bytes, but 4 came/,
    ],
  ])('refuses %j with a status and a sentence', async (message, code, text) => {
    await expect(call('ModelInfer', message)).rejects.toMatchObject({ code, details: expect.stringMatching(text) })
  })
})
