import { describe, expect, test } from 'vitest'
import { EndpointRoute } from '@kiban/contract/inference-control'
import { eventTime, predictionRecords } from './prediction-record.ts'
import type { NamedTensor, Tensor } from './tensor.ts'

const noon = Date.UTC(2013, 6, 1, 12)

describe('an event time', () => {
  test.each([
    ['2013-07-01T12:00:00Z', noon],
    ['2013-07-01T12:00:00', noon],
    ['2013-07-01 12:00', noon],
    ['2013-07-01T14:00:00+02:00', noon],
    ['2013-07-01', Date.UTC(2013, 6, 1)],
    [noon, noon],
    [noon / 1000, noon],
    ['yesterday', undefined],
    [null, undefined],
  ])('%j is %j', (value, ms) => {
    expect(eventTime(value)).toBe(ms)
  })
})

describe('a record', () => {
  const route = (more: Partial<EndpointRoute>) =>
    EndpointRoute.parse({
      id: 'ep',
      project: 'p',
      name: 'e',
      variants: [{ name: 'running', versionId: 'v', weight: 1 }],
      log: {},
      ...more,
    })
  const record = (inputs: Record<string, Tensor>, outputs: NamedTensor[], more: Partial<EndpointRoute> = {}) =>
    predictionRecords({
      route: route(more),
      predictionId: 'pred_x',
      versionId: 'v',
      variant: 'running',
      status: 'ok',
      receivedAt: 7,
      latencyMs: 1,
      rows: 1,
      inputs: new Map(Object.entries(inputs)),
      outputs,
    })[0]
  const float = (name: string, data: number[], shape = [1, data.length]): NamedTensor => ({
    name,
    datatype: 'FP32',
    shape,
    data: Float32Array.from(data),
  })
  const label: NamedTensor = { name: 'label', datatype: 'INT64', shape: [1], data: BigInt64Array.of(3n) }

  test("scores with the positive class's probability, the only value, or the label", () => {
    expect(record({}, [label, float('p', [0.25, 0.75])])?.prediction).toBe(0.75)
    expect(record({}, [label, float('y', [12])])?.prediction).toBe(12)
    expect(record({}, [label, float('three', [0.5, 0.25, 0.25])])?.prediction).toBe(3)
    expect(record({}, [{ name: 'text', datatype: 'BYTES', shape: [1], data: ['a'] }])?.prediction).toBeNull()
  })

  test('writes a missing number as null and a float with the digits that its caller wrote', () => {
    expect(record({ a: float('a', [Number.NaN]), b: float('b', [0.1]) }, [])?.features).toEqual({ a: null, b: 0.1 })
  })

  test('joins the columns of its key, and has none when one is missing', () => {
    const inputs = { day: { datatype: 'BYTES', shape: [1], data: ['d1'] } as Tensor, n: float('n', [4]) }
    expect(record(inputs, [], { key: ['day', 'n'] })?.key).toBe('d1|4')
    expect(record(inputs, [], { key: ['day', 'other'] })?.key).toBeNull()
  })

  test('takes the time of arrival when the event has none', () => {
    expect(record({}, [], { timestamp: 'at' })?.event_time).toBe(7)
    expect(record({ at: { datatype: 'BYTES', shape: [1], data: ['?'] } }, [], { timestamp: 'at' })?.event_time).toBe(7)
  })

  test('spreads a narrow tensor over columns and keeps a wide one whole', () => {
    expect(record({ x: float('x', [1, 2]) }, [])?.features).toEqual({ x_0: 1, x_1: 2 })
    expect(
      Object.keys(
        record(
          {
            x: float(
              'x',
              Array.from({ length: 300 }, () => 1),
            ),
          },
          [],
        )?.features ?? {},
      ),
    ).toEqual(['x'])
  })
})
