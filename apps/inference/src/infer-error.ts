/** A request that cannot be answered: `status` as HTTP has it; 4xx is the caller's fault, 5xx the model's or ours. */
export class InferError extends Error {
  readonly status: number

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'InferError'
    this.status = status
  }
}

/** The caller's fault, in one sentence that names the field, the value and the remedy. */
export function badInput(message: string): InferError {
  return new InferError(400, message)
}

/** The error as an InferError; what is unknown becomes a 500 without its inner text. */
export function toInferError(error: unknown): InferError {
  return error instanceof InferError
    ? error
    : new InferError(500, 'Something went wrong inside the data plane; its log has the cause.', { cause: error })
}
