import { z } from 'zod'

/** A user-given name (project-file §1): also a path segment and a URL segment. */
export const Name = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/, 'a name starts with a letter and has at most 63 letters, digits, - or _')

/** An instant: milliseconds since the epoch, UTC. */
export const Instant = z.number().int()

/** SHA-256 in lower-case hex. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/)

/** Any JSON value. */
export const Json = z.json()
export type Json = z.infer<typeof Json>

/** One file of a content-addressed tree. `path` is relative, `/`-separated and normal. */
export const ManifestFile = z.object({
  path: z.string().min(1).max(1024),
  hash: Sha256,
  sizeBytes: z.number().int().nonnegative(),
  mode: z.number().int().optional(),
})
export type ManifestFile = z.infer<typeof ManifestFile>

export const ProjectParams = z.object({ project: Name })

/** A page request: `limit` rows after the opaque `cursor`. */
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z.string().max(500).optional(),
})

/** The body of every error answer of `/api/v1`. */
export const ErrorBody = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    requestId: z.string(),
    details: z.record(z.string(), Json).optional(),
  }),
})
