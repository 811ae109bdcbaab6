import { spawnSync } from 'node:child_process'
import { request } from 'node:http'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { classifierModel, linearModel } from '@kiban/testkit/onnx-model'
import { startInferenceProcess } from '@kiban/testkit/inference-process'
import type { InferenceProcess } from '@kiban/testkit/inference-process'

let plane: InferenceProcess
const running = (versionId: string) => [{ name: 'running', versionId, weight: 100 }]

beforeAll(async () => {
  plane = await startInferenceProcess()
  const sum = plane.addModel('sum', linearModel([1, 2], 0.5))
  const delay = plane.addModel(
    'delay',
    classifierModel({ categories: { carrier: ['AA', 'UA'] }, numbers: ['distance'], weights: [1, 0.01], bias: 0 }),
  )
  await plane.push({ v1: sum, v2: delay }, [
    { name: 'sum', variants: running('v1') },
    { name: 'delay', project: 'flights', variants: running('v2'), key: ['flight_id'], timestamp: 'sched' },
    { name: 'small', variants: running('v1'), maxBodyBytes: 200 },
  ])
})
afterAll(() => plane.stop())

const twoRows = { id: 'mine', inputs: [{ name: 'x', shape: [2, 2], datatype: 'FP32', data: [1, 2, 3, 4] }] }

async function get(path: string, headers: Record<string, string> = {}): Promise<{ status: number; body: unknown }> {
  const response = await fetch(plane.url + path, { headers })
  const text = await response.text()
  return { status: response.status, body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text }
}

describe('the Open Inference Protocol', () => {
  test('answers health, server and model metadata, ready and index', async () => {
    expect(await get('/v2/health/live')).toEqual({ status: 200, body: '' })
    expect(await get('/v2/health/ready')).toEqual({ status: 200, body: '' })
    for (const path of ['/v2', '/v2/'])
      expect((await get(path)).body).toEqual({
        name: 'kiban',
        version: '0.1.0',
        extensions: expect.arrayContaining(['binary_tensor_data']),
      })
    expect((await get('/v2/models/sum')).body).toMatchObject({
      name: 'sum',
      versions: ['1'],
      platform: 'onnxruntime_onnx',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
    })
    expect((await get('/v2/models/sum/versions/1')).status).toBe(200)
    expect((await get('/v2/models/sum/ready')).status).toBe(200)
    expect((await get('/projects/flights/v2/models/delay/ready')).status).toBe(200)
    expect((await plane.post('/v2/repository/index', {})).body).toContainEqual({
      name: 'sum',
      version: '1',
      state: 'READY',
      reason: '',
    })
    expect((await get('/v2/models/stats')).body).toHaveProperty('model_stats')
  })

  test('infers rows given flat or nested, echoes the id, names model and version', async () => {
    const nested = {
      ...twoRows,
      inputs: [
        {
          name: 'x',
          shape: [2, 2],
          datatype: 'FP32',
          data: [
            [1, 2],
            [3, 4],
          ],
        },
      ],
    }
    for (const body of [twoRows, nested]) {
      const answer = await plane.post('/v2/models/sum/infer', body)
      expect(answer).toEqual({
        status: 200,
        body: {
          model_name: 'sum',
          model_version: '1',
          id: 'mine',
          parameters: { prediction_id: expect.stringMatching(/^pred_/) },
          outputs: [{ name: 'y', datatype: 'FP32', shape: [2, 1], data: [5.5, 11.5] }],
        },
      })
    }
    expect((await plane.post('/v2/models/sum/versions/1/infer', twoRows)).status).toBe(200)
  })

  test('takes named columns of text and numbers with null as missing, and gives only the outputs asked for', async () => {
    const column = (name: string, datatype: string, value: unknown) => ({
      name,
      shape: [1, 1],
      datatype,
      data: [value],
    })
    const answer = await plane.post('/projects/flights/v2/models/delay/infer', {
      inputs: [
        column('carrier', 'BYTES', 'UA'),
        column('distance', 'FP32', null),
        column('flight_id', 'BYTES', 'f9'),
        column('sched', 'BYTES', '2013-05-01T00:00:00Z'),
      ],
      outputs: [{ name: 'label' }],
    })
    expect(answer.body['outputs']).toEqual([{ name: 'label', datatype: 'INT64', shape: [1], data: [1] }])
  })

  test('takes and gives binary tensors, as tritonclient sends them', async () => {
    const values = Buffer.from(Float32Array.from([1, 2, 3, 4]).buffer)
    const head = Buffer.from(
      JSON.stringify({
        inputs: [{ name: 'x', shape: [2, 2], datatype: 'FP32', parameters: { binary_data_size: values.length } }],
        parameters: { binary_data_output: true },
      }),
    )
    for (const [body, encoding] of [
      [Buffer.concat([head, values]), 'identity'],
      [gzipSync(Buffer.concat([head, values])), 'gzip'],
    ] as const) {
      // Compressed, the length of the JSON part is that of the plain body.
      const response = await fetch(`${plane.url}/v2/models/sum/infer`, {
        method: 'POST',
        headers: {
          'content-type': 'application/octet-stream',
          'content-encoding': encoding,
          'inference-header-content-length': String(head.length),
        },
        body,
      })
      const bytes = Buffer.from(await response.arrayBuffer())
      const length = Number(response.headers.get('inference-header-content-length'))
      const json = JSON.parse(bytes.subarray(0, length).toString()) as {
        outputs: { parameters: { binary_data_size: number } }[]
      }
      expect(json.outputs[0]?.parameters.binary_data_size).toBe(8)
      expect([...new Float32Array(Uint8Array.from(bytes.subarray(length)).buffer)]).toEqual([5.5, 11.5])
    }
  })

  test('takes text in binary form', async () => {
    const text = Buffer.from('UA')
    const bytes = Buffer.concat([Buffer.from(Uint32Array.of(text.length).buffer), text])
    const head = Buffer.from(
      JSON.stringify({
        inputs: [
          { name: 'carrier', shape: [1, 1], datatype: 'BYTES', parameters: { binary_data_size: bytes.length } },
          { name: 'distance', shape: [1, 1], datatype: 'FP32', data: [1] },
        ],
        outputs: [{ name: 'label' }],
      }),
    )
    const response = await fetch(`${plane.url}/projects/flights/v2/models/delay/infer`, {
      method: 'POST',
      headers: { 'inference-header-content-length': String(head.length) },
      body: Buffer.concat([head, bytes]),
    })
    expect(await response.json()).toMatchObject({ outputs: [{ name: 'label', data: [1] }] })
  })
})

describe('a wrong request', () => {
  const tensor = (over: object) => ({ inputs: [{ name: 'x', shape: [1, 2], datatype: 'FP32', data: [1, 2], ...over }] })
  const cases: [string, unknown, number, RegExp][] = [
    ['no JSON', '{"inputs": [', 400, /not JSON/],
    ['NaN in JSON', '{"inputs": [{"name":"x","shape":[1,2],"datatype":"FP32","data":[NaN,1]}]}', 400, /send null/],
    ['no inputs', {}, 400, /"inputs" must be an array/],
    ['a missing input', { inputs: [] }, 400, /input "x" is missing.*FP32 \[-1,2\]/],
    [
      'an unknown input',
      { inputs: [...twoRows.inputs, { name: 'z', shape: [2], datatype: 'FP32', data: [1, 2] }] },
      400,
      /input "z" is unknown/,
    ],
    ['an input twice', { inputs: [...twoRows.inputs, ...twoRows.inputs] }, 400, /"x" is given twice/],
    ['another datatype', tensor({ datatype: 'FP64' }), 400, /input "x": the model needs FP32, got FP64/],
    ['a datatype that is none', tensor({ datatype: 'FLOAT' }), 400, /"FLOAT" must be one of/],
    ['another shape', tensor({ shape: [1, 3], data: [1, 2, 3] }), 400, /needs shape \[-1,2\].*got \[1,3\]/],
    ['no row', tensor({ shape: [0, 2], data: [] }), 400, /has no row/],
    ['too few values', tensor({ data: [1] }), 400, /has 2 elements, but data has 1/],
    ['text for a number', tensor({ data: ['a', 2] }), 400, /input "x": element 0 is "a", but FP32 needs a number/],
    ['a huge shape', tensor({ shape: [1e9, 2] }), 400, /more elements than the body has bytes/],
    ['a negative size', tensor({ shape: [-1, 2] }), 400, /"shape" must be/],
    ['an unknown output', { ...twoRows, outputs: [{ name: 'q' }] }, 400, /output "q" is unknown; the model gives y/],
    [
      'binary data without the header',
      tensor({ parameters: { binary_data_size: 8 } }),
      400,
      /Inference-Header-Content-Length is missing/,
    ],
  ]
  test.each(cases)('%s is refused by name', async (_, body, status, message) => {
    const answer = await plane.post('/v2/models/sum/infer', body)
    expect(answer.status).toBe(status)
    expect(answer.body['error']).toMatch(message)
    expect(Object.keys(answer.body)).toEqual(['error'])
  })

  test('an unknown endpoint, version, project, path or method is said so', async () => {
    expect((await plane.post('/v2/models/none/infer', twoRows)).body['error']).toMatch(
      /no endpoint "none".*there is sum/,
    )
    expect((await plane.post('/v2/models/sum/versions/7/infer', twoRows)).body['error']).toMatch(
      /does not serve version "7"; it serves 1/,
    )
    expect((await plane.post('/projects/other/v2/models/sum/infer', twoRows)).status).toBe(404)
    expect((await get('/v3')).status).toBe(404)
    expect((await get('/v2/models/sum/infer')).status).toBe(405)
    expect((await plane.post('/v2/repository/models/sum/load', {})).status).toBe(501)
    expect((await get('/v2/models/%ff/ready')).status).toBe(400)
  })

  test('a body over the limit is refused, and the connection is not reused for what follows', async () => {
    const big = JSON.stringify({
      inputs: [{ name: 'x', shape: [200, 2], datatype: 'FP32', data: Array.from({ length: 400 }, () => 1) }],
    })
    expect((await plane.post('/v2/models/small/infer', big)).status).toBe(413)
    const zipped = await fetch(`${plane.url}/v2/models/small/infer`, {
      method: 'POST',
      headers: { 'content-encoding': 'gzip' },
      body: gzipSync(big),
    })
    expect(zipped.status).toBe(413)
    expect((await plane.post('/v2/models/small/infer', '{}')).status).toBe(400)
  })
})

describe('plain rows', () => {
  test('answers one prediction a row, with the id under which it is logged', async () => {
    const answer = await plane.post('/projects/flights/v2/models/delay/rows', {
      rows: [
        { carrier: 'UA', distance: null },
        { carrier: '??', distance: -50 },
      ],
    })
    expect(answer.body).toMatchObject({
      model_name: 'delay',
      model_version: '2',
      predictions: [{ id: expect.stringMatching(/^pred_\w+-0$/), label: 1 }, { label: 0 }],
    })
  })

  test.each([
    [{ rows: [] }, /at least one object/],
    [{ rows: [{ carrier: 'UA' }] }, /rows\[0\]: "distance" is missing; send null/],
    [
      { rows: [{ carrier: 'UA', distance: 1, distanze: 2 }] },
      /rows\[0\]: "distanze" is unknown; the columns are carrier, distance, flight_id, sched/,
    ],
    [{ rows: [{ carrier: 3, distance: 1 }] }, /input "carrier": element 0 is 3, but BYTES needs a string/],
    [{ rows: [7] }, /rows\[0\] must be an object/],
  ])('%j is refused by name', async (body, message) => {
    const answer = await plane.post('/projects/flights/v2/models/delay/rows', body)
    expect(answer.status).toBe(400)
    expect(answer.body['error']).toMatch(message)
  })
})

describe('guards', () => {
  test('a foreign host, origin, site or form type is refused', async () => {
    expect(await withHost('evil.example')).toBe(403)
    expect(await withHost(`localhost:${new URL(plane.url).port}`)).toBe(200)
    expect((await plane.post('/v2/models/sum/infer', twoRows, { origin: 'http://evil.example' })).status).toBe(403)
    expect((await plane.post('/v2/models/sum/infer', twoRows, { origin: 'null' })).status).toBe(403)
    expect((await plane.post('/v2/models/sum/infer', twoRows, { 'content-type': 'text/plain' })).status).toBe(415)
    const preflight = await fetch(`${plane.url}/v2/models/sum/infer`, { method: 'OPTIONS' })
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull()
  })

  // Only root can be somebody else for a moment.
  test.runIf(process.getuid?.() === 0)('another user of the machine is refused', () => {
    // With bash, which every user may run: the Node of a checkout may lie where only its owner can read.
    const ask = `exec 3<>/dev/tcp/127.0.0.1/${new URL(plane.url).port}; printf 'GET /v2 HTTP/1.1\\r\\nhost: localhost\\r\\nconnection: close\\r\\n\\r\\n' >&3; head -n 1 <&3`
    const answerTo = (uid: number) => spawnSync('/bin/bash', ['-c', ask], { uid, cwd: '/', encoding: 'utf8' }).stdout
    expect(answerTo(65_534)).toMatch(/^HTTP\/1\.1 401/)
    expect(answerTo(0)).toMatch(/^HTTP\/1\.1 200/)
  })

  test('headers over 16 KiB are refused', async () => {
    const { port } = new URL(plane.url)
    const text = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), '127.0.0.1', () =>
        socket.write(`GET /v2 HTTP/1.1\r\nhost: localhost\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`),
      )
      let all = ''
      socket.on('data', (chunk) => (all += chunk.toString()))
      socket.on('close', () => resolve(all))
    })
    expect(text).toMatch(/^HTTP\/1\.1 4(00|31)/)
  })
})

describe('metrics', () => {
  test("count in Prometheus' format under Triton's names", async () => {
    await plane.post('/v2/models/sum/infer', twoRows)
    const text = (await get('/metrics')).body as string
    const value = Number(
      /nv_inference_request_success\{project="default",model="sum",version="1",variant="running"\} (\d+)/.exec(
        text,
      )?.[1],
    )
    expect(value).toBeGreaterThan(0)
    expect(text).toMatch(
      new RegExp(`nv_inference_first_response_histogram_ms_count\\{[^}]*model="sum"[^}]*\\} ${value}\n`),
    )
  })
})

function withHost(host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(`${plane.url}/v2`, { headers: { host } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
}
