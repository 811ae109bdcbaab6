import { posix } from 'node:path'

/** What to install: requirement lines as pip reads them, constraint lines, and options that name where packages come from. */
export type Requirements = {
  readonly lines: readonly string[]
  readonly constraints: readonly string[]
  readonly options: readonly string[]
}

/** The file asks for something that can't be; the message names file, line and remedy. */
export class RequirementsError extends Error {}

const OPTIONS =
  /^(-i|--index-url|--extra-index-url|-f|--find-links|--no-index|--pre|--prefer-binary|--only-binary|--no-binary|--trusted-host)\b/
const MAX_DEPTH = 10

/**
 * Reads requirements files in pip's format (pip documentation, "Requirements File Format"): comments, continued lines, `-r` and `-c` with
 * paths from the file that names them, hashes, markers. `read` gives a file of the code by its path, or undefined. Throws
 * RequirementsError for a missing file and for editable or local packages, which would tie the environment to one folder.
 */
export function readRequirements(path: string, read: (path: string) => string | undefined): Requirements {
  const result = { lines: [] as string[], constraints: [] as string[], options: [] as string[] }
  readInto(result, { path: posix.normalize(path), from: undefined, read, constraint: false, depth: 0 })
  return result
}

/** A requirement given in `packages`, checked as a line of a file would be. */
export function checkRequirement(line: string, where: string): string {
  const text = line.trim()
  if (/^(-e|--editable)\b/.test(text) || /^\.{0,2}\//.test(text) || text === '.' || /^file:|@\s*file:/.test(text))
    throw new RequirementsError(
      `${where}: ${JSON.stringify(text)} is a package in a folder, which an environment shared by name can't have. Publish it, or add its files to the step's \`code\`.`,
    )
  return text
}

type Mutable = { lines: string[]; constraints: string[]; options: string[] }

function readInto(
  result: Mutable,
  file: {
    path: string
    from: string | undefined
    read: (path: string) => string | undefined
    constraint: boolean
    depth: number
  },
): void {
  const text = file.depth > MAX_DEPTH ? undefined : file.read(file.path)
  if (text === undefined)
    throw new RequirementsError(
      `There is no file ${file.path}${file.from ? `, which ${file.from} names` : " (the environment's `requirements`)"}. Is it in the project and known to Git?`,
    )
  for (const { line, number } of logicalLines(text)) {
    const where = `${file.path}:${number}`
    const nested = /^(-r|--requirement|-c|--constraint)(?:\s+|=)(.+)$/.exec(line)
    if (nested?.[2]) {
      const constraint = nested[1] === '-c' || nested[1] === '--constraint'
      readInto(result, {
        ...file,
        path: posix.join(posix.dirname(file.path), nested[2].trim()),
        from: where,
        constraint: file.constraint || constraint,
        depth: file.depth + 1,
      })
    } else if (OPTIONS.test(line)) result.options.push(line)
    else if (line.startsWith('-') && !/^(-e|--editable)\b/.test(line))
      throw new RequirementsError(`${where}: the option ${line.split(/[\s=]/)[0]} is not known here. Remove the line.`)
    else (file.constraint ? result.constraints : result.lines).push(checkRequirement(line, where))
  }
}

function logicalLines(text: string): { line: string; number: number }[] {
  const lines: { line: string; number: number }[] = []
  let open = ''
  let first = 0
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    if (open === '') first = index + 1
    if (raw.endsWith('\\')) {
      open += `${raw.slice(0, -1).trimEnd()} `
      continue
    }
    const line = (open + raw)
      .replace(/(^|\s)#.*$/, '')
      .trim()
      .replaceAll(/\s+/g, ' ')
    open = ''
    if (line !== '') lines.push({ line, number: first })
  }
  return lines
}
