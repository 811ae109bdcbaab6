import { latencyBucketMs } from '@kiban/contract/inference-control'
import type { Counter } from './counters.ts'
import type { DataPlane } from './dataplane.ts'

/** Upper ends of the exported latency histogram, in ms. */
const EDGES_MS = [0.5, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000]

/** The counters in Prometheus' text format, with Triton's names (its docs/user_guide/metrics.md) and a `project` label. */
export function prometheusText(plane: DataPlane): string {
  const counters = plane.counters.all()
  const lines: string[] = []
  const family = (name: string, type: string, help: string, values: (counter: Counter) => readonly string[]) => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...counters.flatMap(values))
  }
  family('nv_inference_request_success', 'counter', 'Requests that were answered.', (c) => [
    `nv_inference_request_success{${labels(c)}} ${c.requests - c.errors}`,
  ])
  family('nv_inference_request_failure', 'counter', 'Requests that failed: by the model, or refused as wrong.', (c) => [
    `nv_inference_request_failure{${labels(c)},reason="BACKEND"} ${c.errors}`,
    `nv_inference_request_failure{${labels(c)},reason="REJECTED"} ${c.rejected}`,
  ])
  family('nv_inference_count', 'counter', 'Rows that were predicted.', (c) => [
    `nv_inference_count{${labels(c)}} ${c.rows}`,
  ])
  family('nv_inference_request_duration_us', 'counter', 'Time spent on requests, in microseconds.', (c) => [
    `nv_inference_request_duration_us{${labels(c)}} ${Math.round(c.latencyMsSum * 1000)}`,
  ])
  family('nv_inference_pending_request_count', 'gauge', 'Requests in work.', (c) => [
    `nv_inference_pending_request_count{${labels(c)}} ${c.inFlight}`,
  ])
  family('nv_inference_first_response_histogram_ms', 'histogram', 'Latency of requests, in milliseconds.', histogram)
  family(
    'kiban_inference_fallback_total',
    'counter',
    'Requests of another version that this one answered in its place.',
    (c) => [`kiban_inference_fallback_total{${labels(c)}} ${c.fallbacks}`],
  )
  lines.push(
    '# HELP process_resident_memory_bytes Resident memory.',
    '# TYPE process_resident_memory_bytes gauge',
    `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
  )
  return `${lines.join('\n')}\n`
}

function histogram(counter: Counter): string[] {
  const name = 'nv_inference_first_response_histogram_ms'
  const lines = EDGES_MS.map((edge) => {
    const count = counter.latency.reduce((sum, n, bucket) => (latencyBucketMs(bucket) <= edge ? sum + n : sum), 0)
    return `${name}_bucket{${labels(counter)},le="${edge}"} ${count}`
  })
  return [
    ...lines,
    `${name}_bucket{${labels(counter)},le="+Inf"} ${counter.requests}`,
    `${name}_sum{${labels(counter)}} ${counter.latencyMsSum}`,
    `${name}_count{${labels(counter)}} ${counter.requests}`,
  ]
}

function labels(counter: Counter): string {
  return `project="${counter.project}",model="${counter.endpoint}",version="${counter.number}",variant="${counter.variant}"`
}
