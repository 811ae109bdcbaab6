import { z } from 'zod'
import type { Evidence } from '@kiban/contract/models'

type Parity = NonNullable<Evidence['parity']>

const Number_ = z.number().nullable()
/** What `python -m kiban.parity` wrote. */
export const PythonAnswers = z.object({
  probabilities: z.array(z.union([z.array(Number_), Number_])).optional(),
  values: z.array(z.union([z.array(Number_), Number_])).optional(),
  errors: z.array(z.object({ row: z.number().int(), message: z.string() })).optional(),
})
/** What the evaluation wrote beside the sample. */
export const ServedAnswers = z.object({ answers: z.array(z.array(Number_)), nullRows: z.number().int() })

/**
 * Compares the Python model with the served ONNX on the same rows, value by value. Fails beyond `tolerance`, and when either cannot
 * answer a row: those are real rows, and users would send them.
 */
export function compareAnswers(
  served: z.infer<typeof ServedAnswers>,
  python: z.infer<typeof PythonAnswers>,
  tolerance: number,
): Parity {
  const list = (python.probabilities ?? python.values ?? []).map((answer) =>
    Array.isArray(answer) ? answer : [answer],
  )
  const rows = served.answers.length
  const base = { rows, nullRows: served.nullRows, tolerance }
  if (list.length !== rows)
    return {
      ...base,
      maxDifference: null,
      verdict: 'failed',
      reason: `Python answered ${list.length} of ${rows} rows.`,
    }
  let largest = 0
  let beyond = 0
  let unanswered = 0
  for (const [i, answer] of served.answers.entries()) {
    const other = list[i] ?? []
    const difference = rowDifference(answer, other)
    if (difference === undefined) unanswered += 1
    else {
      largest = Math.max(largest, difference)
      if (difference > tolerance) beyond += 1
    }
  }
  const maxDifference = unanswered === rows ? null : largest
  if (unanswered > 0) {
    const first = python.errors?.[0]?.message
    return {
      ...base,
      maxDifference,
      verdict: 'failed',
      reason: `${unanswered} of ${rows} rows cannot be answered${first ? ` (Python: ${first.slice(0, 200)})` : ''}; ${served.nullRows} of them have a missing value.`,
    }
  }
  if (beyond > 0)
    return {
      ...base,
      maxDifference,
      verdict: 'failed',
      reason: `Python and ONNX differ by up to ${show(largest)} (${beyond} of ${rows} rows beyond ${tolerance}): the conversion to ONNX is wrong.`,
    }
  return {
    ...base,
    maxDifference,
    verdict: 'passed',
    reason: `Python and ONNX agree on ${rows} rows, ${served.nullRows} with a missing value, to ${show(largest)}.`,
  }
}

/** Largest difference of two answers; undefined when either holds no number. A lone value is compared with the last class. */
function rowDifference(a: readonly (number | null)[], b: readonly (number | null)[]): number | undefined {
  const [left, right] = a.length === b.length ? [a, b] : [a.slice(-1), b.slice(-1)]
  if (left.length === 0) return undefined
  let largest = 0
  for (const [i, value] of left.entries()) {
    const other = right[i]
    if (value === null || other === null || other === undefined) return undefined
    largest = Math.max(largest, Math.abs(value - other))
  }
  return largest
}

function show(value: number): string {
  return value === 0 ? '0' : value.toExponential(1)
}
