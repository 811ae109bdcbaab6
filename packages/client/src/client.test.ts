import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import { createClient } from './client.ts'
import { buildRequest } from './request.ts'
import { endpointsByName } from './endpoints.ts'
import { readEvents } from './event-stream.ts'

type Seen = {
  method: string | undefined
  url: string | undefined
  body: string
  authorization: string | undefined
  type: string | undefined
}
const seen: Seen[] = []
let answerWith: { status: number; body: string } = { status: 200, body: '{"datasets":[]}' }
const server = createServer((request, response) => {
  let body = ''
  request.on('data', (chunk: Buffer) => (body += chunk.toString()))
  request.on('end', () => {
    seen.push({
      method: request.method,
      url: request.url,
      body,
      authorization: request.headers.authorization,
      type: request.headers['content-type'],
    })
    response.writeHead(answerWith.status, { 'content-type': 'application/json', 'x-request-id': 'req-1' })
    response.end(answerWith.body)
  })
})
let url = ''

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // an inet server has no other address
})
afterAll(() => server.close())

describe('createClient', () => {
  it('has a method for every endpoint of the contract', () => {
    const client: Record<string, unknown> = { ...createClient({ url }) }
    expect(endpointsByName().size).toBeGreaterThan(20)
    for (const name of endpointsByName().keys()) expect(client[name], name).toBeTypeOf('function')
  })

  it('splits a flat input into path and query, and sends the token', async () => {
    const client = createClient({ url: `${url}/`, token: 'secret' })
    const got = await client.listDatasets({ project: 'flights', archived: 'true' })
    expect(got).toEqual({ datasets: [] })
    expect(seen.at(-1)).toMatchObject({
      method: 'GET',
      url: '/api/v1/projects/flights/datasets?archived=true',
      authorization: 'Bearer secret',
    })
    expectTypeOf(got.datasets).items.toHaveProperty('name').toEqualTypeOf<string>()
  })

  it('sends the rest as the body', async () => {
    await createClient({ url }).commitDatasetVersion({ project: 'p', dataset: 'd', files: [], message: 'm' })
    expect(seen.at(-1)).toMatchObject({
      method: 'POST',
      url: '/api/v1/projects/p/datasets/d/versions',
      type: 'application/json',
    })
    expect(JSON.parse(seen.at(-1)!.body)).toEqual({ files: [], message: 'm' })
  })

  it('sends bytes as they are', async () => {
    await createClient({ url }).putBlob({ project: 'p', sha256: 'a'.repeat(64), body: 'hello' })
    expect(seen.at(-1)).toMatchObject({ method: 'PUT', body: 'hello', type: 'application/octet-stream' })
  })

  it('throws the platform’s error with code, status and request id', async () => {
    answerWith = {
      status: 404,
      body: JSON.stringify({
        error: { code: 'dataset_not_found', message: 'no `x`', requestId: 'r7', details: { near: 'y' } },
      }),
    }
    const failure = createClient({ url }).getDataset({ project: 'p', dataset: 'x' })
    await expect(failure).rejects.toMatchObject({
      name: 'ApiError',
      code: 'dataset_not_found',
      status: 404,
      message: 'no `x`',
      requestId: 'r7',
      details: { near: 'y' },
    })
  })

  it('says so when something else answers', async () => {
    answerWith = { status: 502, body: '<html>' }
    await expect(createClient({ url }).getDataset({ project: 'p', dataset: 'x' })).rejects.toMatchObject({
      code: 'bad_answer',
      status: 502,
      requestId: 'req-1',
    })
  })

  it('names the address when nobody answers', async () => {
    const nobody = createClient({ url: 'http://127.0.0.1:1' })
    await expect(nobody.listDatasets({ project: 'p' })).rejects.toMatchObject({
      code: 'unreachable',
      status: 0,
      message: expect.stringContaining('127.0.0.1:1'),
    })
  })

  it('names a missing path key before anything is sent', () => {
    const endpoint = endpointsByName().get('getDataset')!
    expect(() => buildRequest(endpoint, { project: 'p' })).toThrow('`dataset` is missing')
  })
})

describe('readEvents', () => {
  it('joins data lines, keeps the id, skips comments, and splits where chunks do not', async () => {
    const chunks = ['id: 1\nevent: data', 'set.committed\ndata: {"a"', ':1}\ndata: x\n\n: hi\n\ndata: y\r\n\r\n']
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk))
        controller.close()
      },
    })
    const events = []
    for await (const event of readEvents(body)) events.push(event)
    expect(events).toEqual([
      { id: '1', event: 'dataset.committed', data: '{"a":1}\nx' },
      { id: '1', event: 'message', data: 'y' },
    ])
  })
})
