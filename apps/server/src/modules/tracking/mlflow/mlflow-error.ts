import { AppError } from '@kiban/kit/errors'
import type { ErrorCode } from '@kiban/contract/errors'

/** The codes that this server answers with (mlflow/exceptions.py) and their HTTP statuses. The client retries 5xx, so those are rare. */
const STATUS = {
  BAD_REQUEST: 400,
  INVALID_PARAMETER_VALUE: 400,
  RESOURCE_ALREADY_EXISTS: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  ENDPOINT_NOT_FOUND: 404,
  RESOURCE_DOES_NOT_EXIST: 404,
  RESOURCE_CONFLICT: 409,
  REQUEST_LIMIT_EXCEEDED: 429,
  INTERNAL_ERROR: 500,
  NOT_IMPLEMENTED: 501,
} as const

export type MlflowCode = keyof typeof STATUS

const CODES: Readonly<Partial<Record<ErrorCode, MlflowCode>>> = {
  alias_moved: 'RESOURCE_CONFLICT',
  // MLflow answers 400 for an alias that is not there
  alias_not_found: 'INVALID_PARAMETER_VALUE',
  alias_protected: 'PERMISSION_DENIED',
  experiment_exists: 'RESOURCE_ALREADY_EXISTS',
  forbidden: 'PERMISSION_DENIED',
  gate_not_passed: 'PERMISSION_DENIED',
  model_exists: 'RESOURCE_ALREADY_EXISTS',
  model_source_invalid: 'INVALID_PARAMETER_VALUE',
  rate_limited: 'REQUEST_LIMIT_EXCEEDED',
  signed_out: 'UNAUTHENTICATED',
}

/** An answer that only MLflow has a code for. */
export class MlflowError extends Error {
  readonly code: MlflowCode
  constructor(code: MlflowCode, message: string) {
    super(message)
    this.name = 'MlflowError'
    this.code = code
  }
}

/** Any error in MLflow's shape; what is unknown says nothing from inside. */
export function presentMlflowError(error: unknown, requestId: string): { status: number; body: unknown } {
  if (error instanceof MlflowError) return shape(error.code, error.message)
  if (!(error instanceof AppError))
    return shape(
      'INTERNAL_ERROR',
      `Something went wrong inside. Give the request id ${requestId} to whoever runs this server.`,
    )
  if (error.status === 413) return { ...shape('BAD_REQUEST', error.message), status: 413 }
  return shape(
    CODES[error.code] ?? (error.status === 404 ? 'RESOURCE_DOES_NOT_EXIST' : 'INVALID_PARAMETER_VALUE'),
    error.message,
  )
}

function shape(code: MlflowCode, message: string): { status: number; body: unknown } {
  return { status: STATUS[code], body: { error_code: code, message } }
}
