import type { Tensor as OrtTensor } from 'onnxruntime-node'
import { quoteName } from '../datasets/index.ts'
import type { Duckdb } from '../datasets/index.ts'

const SAMPLE_ROWS = 20_000
const BATCH_ROWS = 2_000

/** Scores of the reference, sorted, and those of each of its chunks. */
export type ReferenceScores = { readonly all: Float64Array; readonly chunks: readonly Float64Array[] }

/**
 * Predictions of a model for (a sample of) its reference rows in table `ref`: what its answers looked like on the data it was
 * made from. Null when a model input is no column of the reference, or the model has no score. Takes every k-th row, so it is repeatable.
 */
export async function scoreReference(duckdb: Duckdb, onnxPath: string): Promise<ReferenceScores | null> {
  const ort = await import('onnxruntime-node')
  const session = await ort.InferenceSession.create(onnxPath, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  })
  try {
    const inputs = session.inputMetadata.flatMap((meta) =>
      meta.isTensor ? [{ name: meta.name, type: meta.type }] : [],
    )
    const known = new Set((await duckdb.rows('DESCRIBE ref')).map((row) => String(row['column_name'])))
    if (inputs.length === 0 || inputs.some(({ name }) => !known.has(name))) return null
    const [row] = await duckdb.rows('SELECT count(*) AS n FROM ref')
    const step = Math.max(1, Math.ceil(Number(row?.['n'] ?? 0) / SAMPLE_ROWS))
    const select = inputs.map(
      ({ name, type }) => `CAST(${quoteName(name)} AS ${type === 'string' ? 'VARCHAR' : 'DOUBLE'})`,
    )
    const columns = await duckdb.columns(
      `SELECT ${select.join(', ')}, CAST(chunk AS INTEGER) FROM ref WHERE rowid_ % ${step} = 0 ORDER BY rowid_`,
    )
    const total = columns[0]?.length ?? 0
    const scores: number[] = []
    for (let from = 0; from < total; from += BATCH_ROWS) {
      const to = Math.min(total, from + BATCH_ROWS)
      const feeds: Record<string, OrtTensor> = {}
      inputs.forEach(({ name, type }, i) => {
        const values = (columns[i] ?? []).slice(from, to)
        const dims = [values.length, 1]
        if (type === 'string')
          feeds[name] = new ort.Tensor(
            'string',
            values.map((v) => (v === null ? '' : String(v))),
            dims,
          )
        else if (type === 'int64')
          feeds[name] = new ort.Tensor(
            'int64',
            BigInt64Array.from(values, (v) => BigInt(Math.trunc(Number(v ?? 0)))),
            dims,
          )
        else if (type === 'float64') feeds[name] = new ort.Tensor('float64', Float64Array.from(values, number), dims)
        else feeds[name] = new ort.Tensor('float32', Float32Array.from(values, number), dims)
      })
      const outputs = await session.run(feeds)
      const batch = scoresOf(Object.values(outputs), to - from)
      if (batch === null) return null
      scores.push(...batch)
    }
    const byChunk = new Map<number, number[]>()
    scores.forEach((score, i) => {
      if (!Number.isFinite(score)) return
      const chunk = Number(columns[inputs.length]?.[i])
      const known = byChunk.get(chunk)
      if (known) known.push(score)
      else byChunk.set(chunk, [score])
    })
    return {
      all: Float64Array.from(scores.filter(Number.isFinite)).sort(),
      chunks: [...byChunk.values()].map((chunk) => Float64Array.from(chunk).sort()),
    }
  } finally {
    await session.release()
  }
}

/** The score as the prediction log keeps it: the second of two floats, else the only one. */
function scoresOf(outputs: readonly unknown[], rows: number): number[] | null {
  const tensors = outputs.filter(
    (value): value is OrtTensor => typeof value === 'object' && value !== null && 'dims' in value,
  )
  const floats = tensors.filter(({ type }) => type === 'float32' || type === 'float64')
  const width = (tensor: OrtTensor): number => tensor.data.length / rows
  const chosen = floats.find((tensor) => width(tensor) === 2) ?? floats.find((tensor) => width(tensor) === 1)
  if (chosen === undefined) return null
  const step = width(chosen)
  return Array.from({ length: rows }, (_, i) => Number(chosen.data[i * step + step - 1]))
}

const number = (value: unknown): number => (value === null || value === undefined ? Number.NaN : Number(value))
