import { ERRORS } from '@kiban/contract/errors'
import type { ErrorCode } from '@kiban/contract/errors'
import type { Json } from '@kiban/contract/primitives'

export type ErrorOptions = {
  /** A sentence for the caller: what was wrong, with the value, and what to do. Never anything from inside. */
  readonly message: string
  readonly details?: Readonly<Record<string, Json>>
  readonly cause?: unknown
}

/** The only error that reaches a caller with its own code and message; everything else is presented as `internal`. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly details: Readonly<Record<string, Json>> | undefined

  constructor(code: ErrorCode, options: ErrorOptions) {
    super(options.message, { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.status = ERRORS[code]
    this.details = options.details
  }
}
