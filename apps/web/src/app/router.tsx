import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet } from '@tanstack/react-router'
import { Failure } from '../ui/panel.tsx'
import { ProjectFrame } from './frame.tsx'
import { NotFound } from './not-found.tsx'

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: PageFailure })

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: lazyRouteComponent(() => import('../features/projects/home.tsx'), 'Home'),
})
const go = createRoute({
  getParentRoute: () => root,
  path: '/go/$id',
  component: lazyRouteComponent(() => import('../features/projects/go.tsx'), 'Go'),
})
const project = createRoute({ getParentRoute: () => root, path: '/p/$project', component: ProjectFrame })

/** What a page that threw shows instead of itself. */
function PageFailure({ error }: { error: unknown }) {
  return <Failure error={error instanceof Error ? error : new Error(String(error))} />
}

type Loader = Parameters<typeof lazyRouteComponent>[0]

/** Every page is a late chunk: the first page carries the frame and itself only. */
function page(path: string, load: Loader, name: string) {
  return createRoute({
    getParentRoute: () => project,
    path,
    component: lazyRouteComponent(load, name as never),
    errorComponent: PageFailure,
  }) // lazyRouteComponent wants the literal name of an export
}

const datasets = () => import('../features/datasets/index.ts')
const runs = () => import('../features/runs/index.ts')
const pipelines = () => import('../features/pipelines/index.ts')
const sweeps = () => import('../features/sweeps/index.ts')
const models = () => import('../features/models/index.ts')
const endpoints = () => import('../features/endpoints/index.ts')
const monitors = () => import('../features/monitors/index.ts')
const jobs = () => import('../features/jobs/index.ts')
const lineage = () => import('../features/lineage/index.ts')

const pages = [
  page('/', () => import('../features/overview/overview.tsx'), 'Overview'),
  page('datasets', datasets, 'DatasetsPage'),
  page('datasets/$dataset', datasets, 'DatasetPage'),
  page('datasets/$dataset/versions/$version', datasets, 'DatasetPage'),
  page('experiments', runs, 'ExperimentsPage'),
  page('experiments/$experiment', runs, 'RunsPage'),
  page('experiments/$experiment/compare', runs, 'ComparePage'),
  page('experiments/$experiment/runs/$run', runs, 'RunPage'),
  page('runs/$run', runs, 'RunPage'),
  page('pipelines', pipelines, 'PipelinesPage'),
  page('pipelines/$pipeline', pipelines, 'PipelinePage'),
  page('pipelines/$pipeline/runs/$run', pipelines, 'PipelineRunPage'),
  page('sweeps', sweeps, 'SweepsPage'),
  page('sweeps/$sweep', sweeps, 'SweepPage'),
  page('environments', jobs, 'EnvironmentsPage'),
  page('environments/$environment', jobs, 'EnvironmentPage'),
  page('models', models, 'ModelsPage'),
  page('models/$model', models, 'ModelPage'),
  page('models/$model/versions/$version', models, 'ModelVersionPage'),
  page('endpoints', endpoints, 'EndpointsPage'),
  page('endpoints/$endpoint', endpoints, 'EndpointPage'),
  page('monitors', monitors, 'MonitorsPage'),
  page('monitors/$monitor', monitors, 'MonitorPage'),
  page('jobs', jobs, 'JobsPage'),
  page('jobs/$job', jobs, 'JobPage'),
  page('audit', lineage, 'AuditPage'),
  page('lineage', lineage, 'LineagePage'),
  page('predictions/$prediction', lineage, 'PredictionPage'),
]

/** The addresses of the UI (ui.md §3): `/p/:project/<noun>[/:name[/versions/:n]]`. Real paths below whatever <base> says. */
export const router = createRouter({
  routeTree: root.addChildren([home, go, project.addChildren(pages)]),
  basepath: new URL(document.baseURI).pathname,
  defaultPreload: 'intent',
  scrollRestoration: true,
  // Search parts are plain text: `?tab=logs`, never JSON.
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const parts = new URLSearchParams(
      Object.entries(search).flatMap(([key, value]) =>
        value === undefined || value === null || value === '' ? [] : [[key, String(value)]],
      ),
    )
    return parts.size === 0 ? '' : `?${parts.toString()}`
  },
})
