import { availableParallelism, totalmem } from 'node:os'
import type { JobResources } from '@kiban/contract/jobs'

/** What jobs may use of this machine: every core, and nine tenths of the memory (the rest is the server's and the system's). */
export function machineCapacity(): JobResources {
  measured ??= measure()
  return measured
}
let measured: JobResources | undefined

function measure(): JobResources {
  const limit = process.constrainedMemory()
  const memory = limit > 0 && limit < totalmem() ? limit : totalmem()
  return { cpu: availableParallelism(), memoryBytes: Math.floor(memory * 0.9) }
}

const DEFAULT_MEMORY_BYTES = 2 * 2 ** 30

/** What was asked for, with project-file §2's defaults (one core, 2 GiB); a default never asks for more than the machine has. */
export function withDefaults(
  asked: { cpu?: number | undefined; memoryBytes?: number | undefined } | undefined,
  capacity: JobResources,
): JobResources {
  return {
    cpu: asked?.cpu ?? Math.min(1, capacity.cpu),
    memoryBytes: asked?.memoryBytes ?? Math.min(DEFAULT_MEMORY_BYTES, capacity.memoryBytes),
  }
}

/** Why the request fits on no machine, or undefined. */
export function neverFits(asked: JobResources, capacity: JobResources): string | undefined {
  if (asked.cpu > capacity.cpu)
    return `It asks for ${asked.cpu} CPUs, but the largest machine has ${capacity.cpu}. Lower \`resources.cpu\`.`
  if (asked.memoryBytes > capacity.memoryBytes)
    return `It asks for ${gibibytes(asked.memoryBytes)} of memory, but the largest machine has ${gibibytes(capacity.memoryBytes)} for jobs. Lower \`resources.memory\`.`
  return undefined
}

export function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`
}
