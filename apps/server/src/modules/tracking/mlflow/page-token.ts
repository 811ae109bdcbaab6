import { MlflowError } from './mlflow-error.ts'

/** The offset behind a page token (base64 of `{"offset": N}`, as MLflow's); 0 for none. `bound` must be what the token was made for. */
export function readPageToken(token: string | undefined, bound?: string): number {
  if (token === undefined || token === '') return 0
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64').toString('utf8'))
    if (
      typeof value === 'object' &&
      value !== null &&
      'offset' in value &&
      Number.isSafeInteger(value.offset) &&
      Number(value.offset) >= 0
    ) {
      const made = 'for' in value ? value.for : undefined
      if (made === bound) return Number(value.offset)
    }
  } catch {
    // falls through to the refusal
  }
  throw new MlflowError(
    'INVALID_PARAMETER_VALUE',
    'Invalid page token. Give next_page_token of the page before, with the same request.',
  )
}

export function pageToken(offset: number, bound?: string): string {
  return Buffer.from(JSON.stringify({ offset, ...(bound === undefined ? {} : { for: bound }) })).toString('base64')
}

/** `max_results` within its bounds; MLflow refuses 0 and what is too large. */
export function readMaxResults(value: number | undefined, bounds: { fallback: number; max: number }): number {
  const results = value ?? bounds.fallback
  if (results < 1 || results > bounds.max)
    throw new MlflowError(
      'INVALID_PARAMETER_VALUE',
      `Invalid value ${results} for parameter 'max_results' supplied: It must be a positive integer of at most ${bounds.max}.`,
    )
  return results
}
