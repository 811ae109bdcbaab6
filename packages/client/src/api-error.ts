/** An answer of the platform that is not a success, or no answer at all (`status` 0, code `unreachable`). */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** One of the contract's error codes; `unreachable` when no answer came, `bad_answer` when it was none of the platform's. */
  readonly code: string
  readonly status: number
  readonly requestId: string | null
  readonly details: Readonly<Record<string, unknown>>

  constructor(input: {
    code: string
    status: number
    message: string
    requestId?: string | null
    details?: Readonly<Record<string, unknown>>
    cause?: unknown
  }) {
    super(input.message, { cause: input.cause })
    this.code = input.code
    this.status = input.status
    this.requestId = input.requestId ?? null
    this.details = input.details ?? {}
  }
}

/** Reads the error out of an answer whatever its body is. */
export async function apiErrorOf(response: Response): Promise<ApiError> {
  const text = await response.text()
  const requestId = response.headers.get('x-request-id')
  const error = errorObject(text)
  if (error === undefined) {
    const message = `${response.url} answered ${response.status} without saying why: ${text.slice(0, 200)}`
    return new ApiError({ code: 'bad_answer', status: response.status, message, requestId })
  }
  return new ApiError({
    code: typeof error['code'] === 'string' ? error['code'] : 'bad_answer',
    status: response.status,
    message: typeof error['message'] === 'string' ? error['message'] : text.slice(0, 500),
    requestId: typeof error['requestId'] === 'string' ? error['requestId'] : requestId,
    details: isRecord(error['details']) ? error['details'] : {},
  })
}

function errorObject(text: string): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(text)
    return isRecord(body) && isRecord(body['error']) ? body['error'] : undefined
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
