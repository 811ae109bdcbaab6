import type { Face } from '@kiban/kit/module'
import { MlflowError, presentMlflowError } from './mlflow-error.ts'
import { mlflowFaces, mlflowProject } from './mlflow-face.ts'

/** The release whose protocol this server speaks; clients read it from `/version`. */
export const MLFLOW_VERSION = '3.11.1'

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
const ROOTS = [
  '/api/2.0/mlflow',
  '/ajax-api/2.0/mlflow',
  '/api/3.0/mlflow',
  '/ajax-api/3.0/mlflow',
  '/api/2.0/preview/mlflow',
]

const text = (url: string, body: string, reason: string): Face => ({
  method: 'GET',
  url,
  action: { public: reason },
  maxBodyBytes: 1024,
  handle: async (_ctx, { reply }) => reply.type('text/plain; charset=utf-8').send(body),
})

/** Health and version; and an answer in the protocol's shape for every call that is not built, so that no client waits and retries. */
export const serverFaces: readonly Face[] = [
  text('/health', 'OK', 'a probe'),
  text('/version', MLFLOW_VERSION, 'clients ask for it before they sign in'),
  ...mlflowFaces([
    {
      method: 'GET',
      path: '/mlflow/server-info',
      version: '3.0',
      action: 'project.read',
      handle: async () => ({ store_type: 'SqlStore', workspaces_enabled: true }),
    },
  ]),
  ...ROOTS.flatMap((root) =>
    METHODS.map((method): Face => ({
      method,
      url: `${root}/*`,
      action: { public: 'says only that there is nothing' },
      audit: { none: 'changes nothing' },
      maxBodyBytes: 16 << 20,
      project: mlflowProject,
      handle: async (_ctx, { request }) => {
        throw new MlflowError(
          'ENDPOINT_NOT_FOUND',
          `This server has no ${request.method} ${request.url.split('?')[0]?.slice(0, 200) ?? ''}. The page "Coming from MLflow" lists what it speaks.`,
        )
      },
      present: presentMlflowError,
    })),
  ),
]
