import { AppError } from './errors.ts'

const MAX_LENGTH = 1024

/**
 * Checks a path that came from outside, once decoded, and returns it: relative, `/`-separated, normal. Refuses every spelling that
 * could leave its root or mean something else elsewhere (access.md §8): empty, `.` or `..` segments, NUL and control characters, `\`,
 * drive letters, a leading `/`, left-over percent escapes of dots and slashes, and forms that are not NFC.
 */
export function artifactPath(raw: string): string {
  const reason = whyNot(raw)
  if (reason)
    throw new AppError('bad_request', {
      message: `The path ${JSON.stringify(raw.slice(0, 200))} ${reason}. Give a relative path such as "model/model.onnx".`,
    })
  return raw
}

function whyNot(raw: string): string | undefined {
  if (raw.length === 0) return 'is empty'
  if (raw.length > MAX_LENGTH) return `has more than ${MAX_LENGTH} characters`
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(raw)) return 'has a control character'
  if (raw.includes('\\')) return 'has a backslash'
  if (raw.startsWith('/')) return 'is absolute'
  if (/^[A-Za-z]:/.test(raw)) return 'names a drive'
  if (/%(2e|2f|5c|00|25)/i.test(raw)) return 'is percent-encoded twice'
  if (raw !== raw.normalize('NFC')) return 'is not in Unicode form NFC'
  if (raw.split('/').some((part) => part === '' || part === '.' || part === '..'))
    return 'has an empty, "." or ".." segment'
  return undefined
}
