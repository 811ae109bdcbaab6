import type { Flight } from './airline.ts'

const TEXT = new Set(['flight_id', 'sched', 'carrier', 'origin', 'dest'])

export type Asked = {
  readonly ok: boolean
  readonly status: number
  readonly ids: readonly string[]
  readonly reason: string
}

/** The two spellings of a request: Open Inference Protocol tensors, or plain JSON rows. */
export type Spelling = 'tensors' | 'rows'

/** Asks the endpoint about some flights. Never throws: an answer that did not come is `ok: false` with status 0. */
export async function askEndpoint(
  to: { readonly rest: string; readonly rows: string },
  flights: readonly Flight[],
  spelling: Spelling,
  signal: AbortSignal,
): Promise<Asked> {
  const [url, body] = spelling === 'rows' ? [to.rows, { rows: flights }] : [to.rest, { inputs: tensorsOf(flights) }]
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    })
    const text = await response.text()
    if (!response.ok) return { ok: false, status: response.status, ids: [], reason: text.slice(0, 300) }
    return { ok: true, status: response.status, ids: idsOf(JSON.parse(text), flights.length), reason: '' }
  } catch (error) {
    return { ok: false, status: 0, ids: [], reason: error instanceof Error ? error.message : String(error) }
  }
}

function tensorsOf(flights: readonly Flight[]) {
  const names = Object.keys(flights[0] ?? {})
  return names.map((name) => {
    // Key and timestamp are columns of their own, the model's inputs [N, 1].
    const shape = name === 'flight_id' || name === 'sched' ? [flights.length] : [flights.length, 1]
    return {
      name,
      shape,
      datatype: TEXT.has(name) ? 'BYTES' : 'FP32',
      data: flights.map((flight) => flight[name] ?? null),
    }
  })
}

/** The ids of the predictions: given one by one in rows, or as the request's id with the number of the row. */
function idsOf(answer: unknown, count: number): readonly string[] {
  if (typeof answer !== 'object' || answer === null) return []
  if ('predictions' in answer && Array.isArray(answer.predictions))
    return answer.predictions.flatMap((one: unknown) =>
      typeof one === 'object' && one !== null && 'id' in one ? [String(one.id)] : [],
    )
  if (!('parameters' in answer) || typeof answer.parameters !== 'object' || answer.parameters === null) return []
  if (!('prediction_id' in answer.parameters)) return []
  const id = String(answer.parameters.prediction_id)
  return Array.from({ length: count }, (_, row) => `${id}-${row}`)
}
