import { matchesGlob } from 'node:path'
import type { ManifestFile } from '@kiban/contract/primitives'
import type { StepSpec } from '@kiban/contract/project-file'

/** What is in a job's folder unless `code` says so: everything but the project file, prose and data. */
const LEFT_OUT = [/^kiban\.yaml$/, /\.md$/i]

/**
 * The files of the project that a step's `code` names: paths, globs, or folders with all below. A pattern that matches nothing is
 * returned in `unmatched`: a typing slip must not become an empty folder.
 */
export function selectCode(
  files: readonly ManifestFile[],
  code: StepSpec['code'],
  sources: readonly string[],
): { files: ManifestFile[]; unmatched: string[] } {
  if (code === undefined) {
    const isCode = (path: string): boolean =>
      !LEFT_OUT.some((pattern) => pattern.test(path)) && !sources.some((source) => matchesGlob(path, source))
    return { files: files.filter((file) => isCode(file.path)), unmatched: [] }
  }
  const fits = (path: string, pattern: string): boolean => {
    const clean = pattern.replace(/^\.\//, '').replace(/\/$/, '')
    return path === clean || path.startsWith(`${clean}/`) || matchesGlob(path, clean)
  }
  return {
    files: files.filter((file) => code.some((pattern) => fits(file.path, pattern))),
    unmatched: code.filter((pattern) => !files.some((file) => fits(file.path, pattern))),
  }
}
