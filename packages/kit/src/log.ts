import { pino } from 'pino'

export type Logger = {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(fields: object): Logger
}

/** Structured JSON lines on standard output, or into `file`. */
export function createLogger(options: { level?: string; file?: string } = {}): Logger {
  const level = options.level ?? 'info'
  return options.file
    ? pino({ level }, pino.destination({ dest: options.file, mkdir: true, sync: false }))
    : pino({ level }, pino.destination({ dest: 1, sync: true }))
}

export const silentLogger: Logger = pino({ level: 'silent' })
