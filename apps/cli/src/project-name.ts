import { UsageError } from './command.ts'

/** The project's name in the text of a kiban.yaml, even when the file has faults elsewhere. Throws a UsageError. */
export function projectNameIn(yaml: string, file: string): string {
  const inLine = /^project:[ \t]*(?:\{[^}\n]*?\bname:[ \t]*)?["']?([A-Za-z][A-Za-z0-9_-]*)["']?/m.exec(yaml)
  const match = inLine ?? /^project:[ \t]*\n(?:[ \t]+.*\n)*?[ \t]+name:[ \t]*["']?([A-Za-z][A-Za-z0-9_-]*)/m.exec(yaml)
  if (match?.[1] === undefined)
    throw new UsageError(`${file} does not say which project it is: add \`project: <name>\`.`)
  return match[1]
}
