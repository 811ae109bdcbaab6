/** The language of `kiban.yaml` (design: project-file.md): its schema, parser and errors. */
export { parseProjectFile } from './parse.ts'
export type { ParseOptions, ParseResult } from './parse.ts'
export { ProjectFile, projectFileJsonSchema } from './schema.ts'
