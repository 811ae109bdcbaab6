import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { JobMetric } from '@kiban/contract/jobs'

/** Most points kept of one job; more belong into the tracking API. */
const MAX_POINTS = 10_000
const KEY = /^[A-Za-z0-9_][\w.\-/]{0,249}$/
const LINE = 'kiban:metric '

/**
 * The metrics that an attempt wrote as lines `kiban:metric auc=0.7 step=3` on its standard output, and in `outputs/metrics.json`: an
 * object of numbers, or of lists of numbers (a series from step 0); objects inside join their keys with a dot. Returns a sentence
 * instead of throwing when `metrics.json` cannot be read so.
 */
export async function collectMetrics(input: {
  log: string
  outputs: string
  timestamp: number
}): Promise<JobMetric[] | string> {
  const metrics = await metricsOfLog(input.log, input.timestamp)
  const file = await readFile(join(input.outputs, 'metrics.json'), 'utf8').catch(() => undefined)
  if (file !== undefined) {
    try {
      addValue(metrics, '', JSON.parse(file), input.timestamp)
    } catch (error) {
      return `metrics.json can't be read: ${error instanceof Error ? error.message : 'not JSON'}. Write an object of numbers, such as {"auc": 0.7}.`
    }
  }
  return metrics.slice(0, MAX_POINTS)
}

/** The metrics of one line of output; none when it is no metric line. */
export function parseMetricLine(line: string, timestamp: number): JobMetric[] {
  if (!line.startsWith(LINE)) return []
  const pairs = line
    .slice(LINE.length)
    .trim()
    .split(/\s+/)
    .map((pair) => [pair.slice(0, pair.lastIndexOf('=')), Number(pair.slice(pair.lastIndexOf('=') + 1))] as const)
  if (pairs.some(([key, value]) => !KEY.test(key) || !Number.isFinite(value))) return []
  const step = pairs.find(([key]) => key === 'step')?.[1] ?? 0
  return pairs
    .filter(([key]) => key !== 'step')
    .map(([key, value]) => ({ key, value, step: Math.trunc(step), timestamp }))
}

async function metricsOfLog(path: string, timestamp: number): Promise<JobMetric[]> {
  const metrics: JobMetric[] = []
  try {
    const marker = Buffer.from(LINE)
    if (!(await hasMarker(path, marker))) return metrics
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      metrics.push(...parseMetricLine(line, timestamp))
      if (metrics.length >= MAX_POINTS) break
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  return metrics
}

/** Most logs have none: looking for bytes is a hundred times faster than making lines of them. */
async function hasMarker(path: string, marker: Buffer): Promise<boolean> {
  let rest = Buffer.alloc(0)
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    const joined = Buffer.concat([rest, chunk])
    if (joined.includes(marker)) return true
    rest = joined.subarray(Math.max(0, joined.length - marker.length + 1))
  }
  return false
}

function addValue(metrics: JobMetric[], key: string, value: unknown, timestamp: number): void {
  if (metrics.length >= MAX_POINTS) return
  if (typeof value === 'number') {
    if (!KEY.test(key)) throw new Error(`the key ${JSON.stringify(key.slice(0, 80))} is not a metric's name`)
    metrics.push({ key, value, step: 0, timestamp })
  } else if (Array.isArray(value)) {
    for (const [step, item] of value.entries()) {
      if (typeof item !== 'number') throw new Error(`${key}[${step}] is no number`)
      metrics.push({ key, value: item, step, timestamp })
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, item] of Object.entries(value))
      addValue(metrics, key === '' ? name : `${key}.${name}`, item, timestamp)
  } else if (value !== null) {
    throw new Error(`${key || 'it'} is ${JSON.stringify(value)?.slice(0, 80)}, which is no number`)
  }
}
