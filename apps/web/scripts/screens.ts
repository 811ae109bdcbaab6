/** One screen of the UI: its name in file names, and its address. */
export type Screen = { readonly name: string; readonly path: string }

type Row = Readonly<Record<string, unknown>>

/** Every screen of a project that has something to show, with the newest object of each noun. */
export async function screensOf(url: string, project: string): Promise<Screen[]> {
  const read = async (path: string, list: string, body?: unknown): Promise<Row[]> => {
    const asked =
      body === undefined
        ? {}
        : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const response = await fetch(`${url}/api/v1/projects/${project}${path}`, asked)
    if (!response.ok) return []
    const answer = (await response.json()) as Record<string, Row[]>
    return answer[list] ?? []
  }
  const base = `/p/${project}`
  const screens: Screen[] = [
    { name: 'projects', path: '/' },
    { name: 'overview', path: base },
    ...[
      'datasets',
      'experiments',
      'pipelines',
      'sweeps',
      'environments',
      'models',
      'endpoints',
      'monitors',
      'jobs',
      'audit',
    ].map((noun) => ({ name: noun, path: `${base}/${noun}` })),
  ]
  const add = (name: string, path: string, row: Row | undefined) => {
    if (row !== undefined) screens.push({ name, path: `${base}/${path}` })
  }
  const [dataset] = (await read('/datasets', 'datasets')).filter(
    (it) => it['contract'] !== null && it['latest'] !== null,
  )
  add('dataset', `datasets/${dataset?.['name']}`, dataset)
  add('dataset-profile', `datasets/${dataset?.['name']}?tab=profile`, dataset)
  const [experiment] = await read('/experiments', 'items')
  add('runs', `experiments/${experiment?.['name']}`, experiment)
  const found = await read('/runs/search', 'ids', { limit: 1, orderBy: ['metrics.auc DESC'] })
  const [run] = found as unknown as string[] // ids are texts
  if (run !== undefined) screens.push({ name: 'run', path: `${base}/runs/${run}` })
  const [pipelineRun] = await read('/pipeline-runs?limit=1', 'runs')
  add('pipeline-run', `pipelines/${pipelineRun?.['pipeline']}/runs/${pipelineRun?.['id']}`, pipelineRun)
  const [sweep] = await read('/sweeps', 'sweeps')
  add('sweep', `sweeps/${sweep?.['id']}`, sweep)
  const [model] = await read('/models', 'items')
  add('model', `models/${model?.['name']}`, model)
  const versions = model === undefined ? [] : await read(`/models/${String(model['name'])}/versions`, 'items')
  const served = versions.find((it) => (it['aliases'] as string[]).includes('production')) ?? versions[0]
  add('model-version', `models/${model?.['name']}/versions/${served?.['number']}`, served)
  add('lineage', `models/${model?.['name']}/versions/${served?.['number']}?tab=lineage`, served)
  const refused = versions.find((it) => it['state'] === 'refused')
  add('model-version-refused', `models/${model?.['name']}/versions/${refused?.['number']}`, refused)
  const [endpoint] = await read('/endpoints', 'items')
  add('endpoint', `endpoints/${endpoint?.['name']}`, endpoint)
  const [prediction] =
    endpoint === undefined ? [] : await read(`/endpoints/${String(endpoint['name'])}/predictions?limit=1`, 'items')
  add('prediction', `predictions/${prediction?.['id']}`, prediction)
  const [monitor] = await read('/monitors', 'monitors')
  add('monitor', `monitors/${monitor?.['name']}`, monitor)
  const [job] = await read('/jobs?limit=1', 'jobs')
  add('job', `jobs/${job?.['id']}`, job)
  const [environment] = await read('/environments', 'environments')
  add('environment', `environments/${environment?.['id']}`, environment)
  return screens
}
