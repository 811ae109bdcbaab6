import { AppError } from '@kiban/kit/errors'

/** A value that breaks a rule of tracking: `tracking_invalid`, in MLflow's words `INVALID_PARAMETER_VALUE`. */
export function badValue(message: string, details?: Readonly<Record<string, string | number>>): AppError {
  return new AppError('tracking_invalid', { message, ...(details ? { details } : {}) })
}
